drop function list_book_change(text, uuid, jsonb);
drop table book_changes, book_version, dnc_entries, bids, campaigns, targets, numbers, trunks;
