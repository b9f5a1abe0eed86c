CREATE TABLE products (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku          text NOT NULL UNIQUE,
    category_id  bigint NOT NULL REFERENCES categories,
    name         text NOT NULL,
    description  text NOT NULL DEFAULT '',
    price_cents  bigint NOT NULL CHECK (price_cents >= 0),
    active       boolean NOT NULL DEFAULT true,
    attributes   jsonb NOT NULL DEFAULT '{}',
    -- Kept by the server, so that no writer can forget it.
    search       tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('simple', name), 'A') || setweight(to_tsvector('simple', description), 'B')
    ) STORED
);
CREATE INDEX products_category_id_idx ON products (category_id) WHERE active;
CREATE INDEX products_search_idx ON products USING gin (search);

COMMENT ON COLUMN products.price_cents IS 'The price today. What was paid is in order_lines.';

-- rollback:
-- DROP TABLE products;
