alter table fraud_blocks drop column seller_id;
