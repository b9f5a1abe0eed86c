CREATE TYPE payment_method AS ENUM ('card', 'invoice', 'transfer');

CREATE TABLE payments (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id      bigint NOT NULL REFERENCES orders,
    method        payment_method NOT NULL,
    amount_cents  bigint NOT NULL CHECK (amount_cents > 0),
    reference     text NOT NULL,
    received_at   timestamptz NOT NULL DEFAULT now(),
    -- The payment provider sends a message again when in doubt.
    UNIQUE (method, reference)
);
CREATE INDEX payments_order_id_idx ON payments (order_id);

-- rollback:
-- DROP TABLE payments;
-- DROP TYPE payment_method;
