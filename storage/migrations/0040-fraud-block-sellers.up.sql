-- A caller's number can be forged: a block of it may hold for its calls through one seller only.
alter table fraud_blocks add column seller_id uuid references accounts;
alter table fraud_blocks add constraint fraud_blocks_of_seller check (seller_id is null or kind in ('caller', 'block'));
