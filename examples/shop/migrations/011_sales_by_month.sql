-- Figures for the people who buy for the shop. Refreshed by a job at night.
CREATE MATERIALIZED VIEW sales_by_month AS
SELECT date_trunc('month', o.placed_at) AS month,
       l.product_id,
       sum(l.quantity) AS pieces,
       sum(l.total_cents) AS total_cents
FROM orders AS o
JOIN order_lines AS l ON l.order_id = o.id
WHERE o.state <> 'cancelled'
GROUP BY 1, 2
WITH DATA;
-- REFRESH … CONCURRENTLY needs it.
CREATE UNIQUE INDEX sales_by_month_key ON sales_by_month (month, product_id);

-- rollback:
-- DROP MATERIALIZED VIEW sales_by_month;
