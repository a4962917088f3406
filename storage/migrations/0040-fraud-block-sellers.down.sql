-- A block of one seller's calls must not become one of everybody's.
delete from fraud_blocks where seller_id is not null;
alter table fraud_blocks drop column seller_id;
