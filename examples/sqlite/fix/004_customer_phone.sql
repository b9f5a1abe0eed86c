-- A number to call, for all customers there are; and one spelling of an email address.
ALTER TABLE customers ADD COLUMN phone TEXT;
UPDATE customers SET email = lower(email);

-- rollback:
-- ALTER TABLE customers DROP COLUMN phone;
