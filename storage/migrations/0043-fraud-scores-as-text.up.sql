-- As the gateway has written it: nothing looks into it but people, and taking each apart into a jsonb was most of what a score cost to store.
alter table fraud_scores alter column reasons type json, alter column contributions type json;
