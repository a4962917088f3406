-- 'ping': good for asking what calls would bring, and for nothing else. Such keys stand in URLs, where they are read by many.
alter table api_keys add column scope text not null default 'all' check (scope in ('all', 'ping'));
