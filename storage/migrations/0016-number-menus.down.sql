delete from open_calls where terms is null;
alter table open_calls alter column terms set not null;
alter table numbers drop column menu;
