alter table numbers drop column soft_floor_micros;
alter table bids drop column modifiers;
alter table campaigns drop column frequency_per, drop column frequency_after, drop column pacing;
alter table targets drop column caps;
alter table accounts drop column reserve_price_micros, drop column caps;
