drop table call_monitorings;
