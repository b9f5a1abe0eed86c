-- The carrier asks for a phone number.
ALTER TABLE customers ADD COLUMN phone text;
ALTER TABLE customers ADD CONSTRAINT customers_phone_form CHECK (phone ~ '^\+[0-9]{6,15}$') NOT VALID;
ALTER TABLE customers VALIDATE CONSTRAINT customers_phone_form;

COMMENT ON COLUMN customers.phone IS 'E.164: +, country, number; NULL where none was given.';

-- rollback:
-- ALTER TABLE customers DROP COLUMN phone;
