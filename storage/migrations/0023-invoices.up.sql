-- A buyer's invoice, a seller's statement: one account's entries of one month, closed. An entry is in exactly one: the first
-- whose month it began before the end of and whose closing found it written. One that is written late, after a crash, with
-- the time of a month already closed, is in the next.
create table invoices (
  id uuid primary key,
  number bigint not null unique,
  account_id uuid not null references accounts,
  currency text not null,
  period text not null check (period ~ '^\d{4}-\d\d$'),
  from_at timestamptz not null,
  until_at timestamptz not null check (until_at > from_at),
  issued_at timestamptz not null,
  opening_micros bigint not null,
  closing_micros bigint not null,
  -- By kind of posting: {"call": {"count", "micros"}}.
  totals jsonb not null,
  -- All of the account's entries up to here were looked at; those from here on may have been left for the next.
  last_entry bigint not null,
  left_from bigint not null,
  unique (account_id, currency, period)
);
create index invoices_of_account on invoices (account_id, until_at desc, id desc);

create trigger append_only before update or delete on invoices
  for each row execute function refuse_change();
create trigger append_only_truncate before truncate on invoices
  for each statement execute function refuse_change();

-- Numbers without gaps: the row is locked by whoever issues.
create table invoice_counter (
  only_row boolean primary key default true check (only_row),
  last_number bigint not null
);
insert into invoice_counter (last_number) values (0);
