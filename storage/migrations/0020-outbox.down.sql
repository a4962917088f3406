drop table outbox_dead_letters;
drop table outbox;
