-- How a trunk's carrier hears that analytics (fraud) has refused a call: see gateway/screening/analytics-refusal.ts.
alter table trunks add column analytics_refusal text not null default '603+'
  check (analytics_refusal in ('603', '603+', '608'));
