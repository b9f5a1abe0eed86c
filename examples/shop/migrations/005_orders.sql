CREATE TYPE order_state AS ENUM ('placed', 'paid', 'shipped', 'delivered', 'cancelled');

CREATE TABLE orders (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id  bigint NOT NULL REFERENCES customers,
    ship_to      bigint NOT NULL REFERENCES addresses,
    state        order_state NOT NULL DEFAULT 'placed',
    placed_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orders_customer_id_idx ON orders (customer_id, placed_at DESC);
CREATE INDEX orders_open_idx ON orders (placed_at) WHERE state IN ('placed', 'paid');

CREATE TABLE order_lines (
    order_id     bigint NOT NULL REFERENCES orders ON DELETE CASCADE,
    line_no      integer NOT NULL CHECK (line_no > 0),
    product_id   bigint NOT NULL REFERENCES products,
    quantity     integer NOT NULL CHECK (quantity > 0),
    price_cents  bigint NOT NULL CHECK (price_cents >= 0),
    total_cents  bigint GENERATED ALWAYS AS (quantity * price_cents) STORED,
    PRIMARY KEY (order_id, line_no)
);
CREATE INDEX order_lines_product_id_idx ON order_lines (product_id);

-- rollback:
-- DROP TABLE order_lines;
-- DROP TABLE orders;
-- DROP TYPE order_state;
