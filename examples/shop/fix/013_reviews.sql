-- What customers say about products.
CREATE TABLE reviews (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id   bigint NOT NULL REFERENCES products,
    customer_id  bigint NOT NULL REFERENCES customers,
    stars        smallint NOT NULL CHECK (stars BETWEEN 1 AND 5),
    body         text NOT NULL DEFAULT '',
    written_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (product_id, customer_id)
);

CREATE INDEX reviews_product_id_idx ON reviews (product_id, written_at DESC);

CREATE VIEW product_ratings AS
SELECT product_id, count(*) AS reviews, round(avg(stars), 1) AS stars FROM reviews GROUP BY product_id;

-- rollback:
-- DROP VIEW product_ratings;
-- DROP TABLE reviews;
