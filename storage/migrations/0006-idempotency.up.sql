-- Answers kept under the client's Idempotency-Key; a row without a status is a request under way.
create table idempotency_keys (
  scope text not null,
  key text not null,
  request_hash text not null,
  begun_at timestamptz not null,
  status integer,
  body text,
  etag text,
  primary key (scope, key)
);
create index idempotency_keys_by_age on idempotency_keys (begun_at);
