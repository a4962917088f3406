-- What else a campaign's bids are multiplied by, and how a number's calls are routed.
alter table campaigns add column factors jsonb;
alter table numbers add column routing jsonb;
