-- What they buy, and how much of it: each order's sum is kept by a trigger.
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    total INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE order_items (
    order_id INTEGER NOT NULL REFERENCES orders (id),
    product TEXT NOT NULL,
    price INTEGER NOT NULL
) STRICT;

CREATE TRIGGER order_items_total AFTER INSERT ON order_items
BEGIN
    UPDATE orders SET total = total + NEW.price WHERE id = NEW.order_id;
END;

-- rollback:
-- DROP TABLE order_items;
-- DROP TABLE orders;
