drop table fraud_feedback;
drop table fraud_blocks;
drop table fraud_scores;
