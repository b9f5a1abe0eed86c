-- An order moves forward, or is cancelled before it is shipped; nothing else.
CREATE FUNCTION check_order_state() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    IF NEW.state = OLD.state THEN
        RETURN NEW;
    END IF;
    IF (OLD.state, NEW.state) IN (
        ('placed', 'paid'), ('paid', 'shipped'), ('shipped', 'delivered'),
        ('placed', 'cancelled'), ('paid', 'cancelled')
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'order % cannot go from % to %', OLD.id, OLD.state, NEW.state
        USING ERRCODE = 'check_violation';
END;
$function$;

CREATE TRIGGER orders_state BEFORE UPDATE OF state ON orders
    FOR EACH ROW EXECUTE FUNCTION check_order_state();

-- rollback:
-- DROP TRIGGER orders_state ON orders;
-- DROP FUNCTION check_order_state();
