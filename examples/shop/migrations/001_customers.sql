-- Who buys, and where things are sent.
CREATE TABLE customers (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email       text NOT NULL,
    full_name   text NOT NULL CHECK (full_name <> ''),
    created_at  timestamptz NOT NULL DEFAULT now()
);

-- One account per address, however it is written.
CREATE UNIQUE INDEX customers_email_key ON customers (lower(email));

CREATE TABLE addresses (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id  bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
    street       text NOT NULL,
    postal_code  text NOT NULL,
    city         text NOT NULL,
    country      char(2) NOT NULL CHECK (country = upper(country))
);
CREATE INDEX addresses_customer_id_idx ON addresses (customer_id);

-- rollback:
-- DROP TABLE addresses;
-- DROP TABLE customers;
