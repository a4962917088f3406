drop table refresh_tokens, api_keys, users, accounts;
