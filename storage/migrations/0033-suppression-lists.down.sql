drop table reassigned_answers;
drop trigger keep_changed on dnc_entries;
drop trigger keep_added on dnc_entries;
drop function keep_dnc_entries();
drop table dnc_entry_history, suppression_imports, suppression_areas, suppression_lists;
delete from book_changes where kind = 'suppression-list';
