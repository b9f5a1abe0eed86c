CREATE TABLE carts (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    customer_id  bigint REFERENCES customers ON DELETE CASCADE,
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX carts_updated_at_idx ON carts (updated_at);

CREATE TABLE cart_lines (
    cart_id     uuid NOT NULL REFERENCES carts ON DELETE CASCADE,
    product_id  bigint NOT NULL REFERENCES products,
    quantity    integer NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (cart_id, product_id)
);

-- A cart that somebody still fills is not swept away as an old one.
CREATE FUNCTION touch_cart() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE carts SET updated_at = now() WHERE id = coalesce(NEW.cart_id, OLD.cart_id);
    RETURN NULL;
END;
$$;
CREATE TRIGGER cart_lines_touch AFTER INSERT OR UPDATE OR DELETE ON cart_lines
    FOR EACH ROW EXECUTE FUNCTION touch_cart();

-- rollback:
-- DROP TABLE cart_lines;
-- DROP TABLE carts;
-- DROP FUNCTION touch_cart();
