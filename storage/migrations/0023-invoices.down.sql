drop table invoice_counter;
drop table invoices;
