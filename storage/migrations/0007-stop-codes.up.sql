-- Final SIP statuses of a campaign's targets that end the call; null: as the exchange is set.
alter table campaigns add column stop_codes integer[];
