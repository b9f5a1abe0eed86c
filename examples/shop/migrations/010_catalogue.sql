-- The first products, so that the shop does not open with empty shelves.
INSERT INTO categories (slug, name) VALUES ('kitchen', 'Kitchen'), ('garden', 'Garden');
INSERT INTO categories (slug, name, parent_id)
SELECT child.slug, child.name, parent.id
FROM (VALUES ('knives', 'Knives', 'kitchen'), ('pans', 'Pans', 'kitchen'), ('seeds', 'Seeds', 'garden'))
    AS child (slug, name, parent)
JOIN categories AS parent ON parent.slug = child.parent;

INSERT INTO products (sku, category_id, name, description, price_cents, attributes)
SELECT item.sku, c.id, item.name, item.description, item.price_cents, item.attributes::jsonb
FROM (VALUES
    ('KN-001', 'knives', 'Chef''s knife', '20 cm; carbon steel', 8900, '{"length_cm": 20}'),
    ('KN-002', 'knives', 'Paring knife', '9 cm', 2400, '{"length_cm": 9}'),
    ('PN-001', 'pans', 'Iron pan', 'Seasoned; 28 cm', 5900, '{"diameter_cm": 28}'),
    ('SD-001', 'seeds', 'Tomato "San Marzano"', 'About 50 seeds', 350, '{"organic": true}')
) AS item (sku, category, name, description, price_cents, attributes)
JOIN categories AS c ON c.slug = item.category;

INSERT INTO stock_movements (product_id, change, reason, moved_at)
SELECT id, 25, 'first delivery', '2026-09-15 08:00+00' FROM products;

-- rollback:
-- DELETE FROM stock_movements WHERE reason = 'first delivery';
-- DELETE FROM stock;
-- DELETE FROM products WHERE sku IN ('KN-001', 'KN-002', 'PN-001', 'SD-001');
-- DELETE FROM categories WHERE parent_id IS NOT NULL;
-- DELETE FROM categories WHERE slug IN ('kitchen', 'garden');
