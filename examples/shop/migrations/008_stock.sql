-- What is in stock, and every movement that led there; the movements are a table a quarter.
CREATE TABLE stock (
    product_id  bigint PRIMARY KEY REFERENCES products,
    on_hand     integer NOT NULL DEFAULT 0 CHECK (on_hand >= 0)
);

CREATE TABLE stock_movements (
    product_id  bigint NOT NULL REFERENCES products,
    moved_at    timestamptz NOT NULL DEFAULT now(),
    change      integer NOT NULL CHECK (change <> 0),
    reason      text NOT NULL,
    order_id    bigint REFERENCES orders
) PARTITION BY RANGE (moved_at);

CREATE TABLE stock_movements_2026_q3 PARTITION OF stock_movements FOR VALUES FROM ('2026-07-01') TO ('2026-10-01');
CREATE TABLE stock_movements_2026_q4 PARTITION OF stock_movements FOR VALUES FROM ('2026-10-01') TO ('2027-01-01');
CREATE TABLE stock_movements_rest PARTITION OF stock_movements DEFAULT;
CREATE INDEX stock_movements_product_id_idx ON stock_movements (product_id, moved_at);

CREATE FUNCTION apply_stock_movement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stock (product_id, on_hand) VALUES (NEW.product_id, NEW.change)
        ON CONFLICT (product_id) DO UPDATE SET on_hand = stock.on_hand + EXCLUDED.on_hand;
    RETURN NEW;
END;
$$;
CREATE TRIGGER stock_movements_apply AFTER INSERT ON stock_movements
    FOR EACH ROW EXECUTE FUNCTION apply_stock_movement();

-- rollback:
-- DROP TABLE stock_movements;
-- DROP FUNCTION apply_stock_movement();
-- DROP TABLE stock;
