-- All counters of one buyer (or seller) that gateways share: places, caps, budgets, funds, callers. Every key has the hash tag of that
-- account, so the script may run on any node of a cluster. Whatever it decides, it decides whole: nothing is written before everything
-- has been judged.
--
-- KEYS[1]  a hash: e = the epoch it was built in; m = {balance, held, book version}; c:NAME = a counter; l:ID = a claim
-- KEYS[2]  a sorted set: the claims whose process lives, by the time (ms) at which it must have said so again
-- KEYS[3]  a sorted set: the calls of one caller by their time; KEYS[4] those of them that were billed; absent where no rule asks
-- ARGV[1]  what to do; ARGV[2] the epoch the asker knows; ARGV[3] the id of the claim
--
-- A counter is {in use, calls, micros, hour, calls, hour, calls, day, calls, micros, day, calls, micros, month, calls, month, calls}: of each
-- period the newest two, told apart by whether their number is even. A claim is {state, price, ms, caller, member, funds, then name, hour, day,
-- month of each counter}: its price counts in budgets, its funds are what it holds of the balance.

local EMPTY = -1e9
local RESERVED, ANSWERED, SETTLED, ORPHANED = 0, 1, 2, 3
local EXPIRED_AT_ONCE = 16

-- Packed as doubles: cmsgpack takes three times as long.
local COUNTER = '<ddddddddddddddddd'
local MONEY = '<ddd'
local function pack_counter(counter) return struct.pack(COUNTER, unpack(counter)) end
local function unpack_counter(packed) return { struct.unpack(COUNTER, packed) } end
local function pack_money(purse) return struct.pack(MONEY, purse[1], purse[2], purse[3]) end
local function unpack_money(packed) return { struct.unpack(MONEY, packed) } end

-- Its fields a line each.
local function unpack_claim(packed)
  local claim = {}
  for field in string.gmatch(packed, '([^\n]*)\n') do claim[#claim + 1] = field end
  for _, i in ipairs({ 1, 2, 3, 6 }) do claim[i] = tonumber(claim[i]) end
  for i = 8, #claim, 4 do
    claim[i], claim[i + 1], claim[i + 2] = tonumber(claim[i]), tonumber(claim[i + 1]), tonumber(claim[i + 2])
  end
  return claim
end

local function pack_claim(claim)
  local fields = {}
  for i, field in ipairs(claim) do
    fields[i] = type(field) == 'number' and string.format('%.0f', field) or field
  end
  return table.concat(fields, '\n') .. '\n'
end

local todo, epoch, id = ARGV[1], ARGV[2], ARGV[3]

local function new_counter()
  return { 0, 0, 0, EMPTY, 0, EMPTY, 0, EMPTY, 0, 0, EMPTY, 0, 0, EMPTY, 0, EMPTY, 0 }
end

local function hour_at(hour) return 4 + hour % 2 * 2 end
local function day_at(day) return 8 + day % 2 * 3 end
local function month_at(month) return 14 + month % 2 * 2 end

local function shift(counter, at, period, calls, micros, begins)
  if counter[at] > period then return end
  if counter[at] < period then
    if not begins then return end
    counter[at], counter[at + 1] = period, 0
    if micros then counter[at + 2] = 0 end
  end
  counter[at + 1] = counter[at + 1] + calls
  if micros then counter[at + 2] = counter[at + 2] + micros end
end

local function count(counter, hour, day, month, in_use, calls, micros, begins)
  counter[1] = math.max(0, counter[1] + in_use)
  counter[2] = counter[2] + calls
  counter[3] = counter[3] + micros
  shift(counter, hour_at(hour), hour, calls, nil, begins)
  shift(counter, day_at(day), day, calls, micros, begins)
  shift(counter, month_at(month), month, calls, nil, begins)
end

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function callers_key(kind, ani)
  return KEYS[1] .. ':' .. kind .. ':' .. epoch .. ':' .. ani
end

local function money()
  local packed = redis.call('HGET', KEYS[1], 'm')
  return packed and unpack_money(packed)
end

-- Adds to every counter of a claim, and to the buyer's money.
local function change(claim, in_use, calls, micros, held, balance)
  local fields = {}
  for i = 7, #claim, 4 do fields[#fields + 1] = 'c:' .. claim[i] end
  local packed = #fields > 0 and redis.call('HMGET', KEYS[1], unpack(fields))
  local set = {}
  for i, field in ipairs(fields) do
    local counter = packed[i] and unpack_counter(packed[i]) or new_counter()
    local at = 7 + (i - 1) * 4
    count(counter, claim[at + 1], claim[at + 2], claim[at + 3], in_use, calls, micros, calls > 0)
    set[#set + 1] = field
    set[#set + 1] = pack_counter(counter)
  end
  local purse = (held ~= 0 or balance ~= 0) and money()
  if purse then
    purse[1] = purse[1] + balance
    purse[2] = math.max(0, purse[2] + held)
    set[#set + 1] = 'm'
    set[#set + 1] = pack_money(purse)
  end
  if #set > 0 then redis.call('HSET', KEYS[1], unpack(set)) end
end

local function find(claim_id)
  local packed = redis.call('HGET', KEYS[1], 'l:' .. claim_id)
  return packed and unpack_claim(packed)
end

local function keep(claim_id, claim)
  redis.call('HSET', KEYS[1], 'l:' .. claim_id, pack_claim(claim))
end

local function forget(claim_id)
  redis.call('HDEL', KEYS[1], 'l:' .. claim_id)
  redis.call('ZREM', KEYS[2], claim_id)
end

-- As if it had never been.
local function release(claim_id, claim)
  if claim[1] == SETTLED then return end
  change(claim, claim[1] == ORPHANED and 0 or -1, -1, -claim[2], -claim[6], 0)
  if claim[4] ~= '' then
    redis.call('ZREM', callers_key('from', claim[4]), claim[5])
    redis.call('ZREM', callers_key('won', claim[4]), claim[5])
  end
  forget(claim_id)
end

-- Its places are free; its budget has what is billed, and its funds are held until the ledger has been written.
local function settle(claim_id, claim, billed, funds)
  if claim[1] == SETTLED and claim[2] == billed and claim[6] == funds then return end
  change(claim, claim[1] < SETTLED and -1 or 0, 0, billed - claim[2], funds - claim[6], 0)
  claim[1], claim[2], claim[6] = SETTLED, billed, funds
  if billed > 0 and claim[4] ~= '' then
    local from, won = callers_key('from', claim[4]), callers_key('won', claim[4])
    local left = redis.call('PTTL', from)
    if left > 0 then
      redis.call('ZADD', won, claim[3], claim[5])
      redis.call('PEXPIRE', won, left)
    end
  end
  keep(claim_id, claim)
end

-- What a dead process has left: what was only rung is given back; of an answered call the places are free, and its money waits for the ledger.
local function expire(ms)
  local ids = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ms, 'LIMIT', 0, EXPIRED_AT_ONCE)
  for _, claim_id in ipairs(ids) do
    local claim = find(claim_id)
    if not claim then
      redis.call('ZREM', KEYS[2], claim_id)
    elseif claim[1] == RESERVED then
      release(claim_id, claim)
    else
      if claim[1] == ANSWERED then change(claim, -1, 0, 0, 0, 0) end
      claim[1] = ORPHANED
      keep(claim_id, claim)
      redis.call('ZREM', KEYS[2], claim_id)
    end
  end
end

local function calls_in(key, since, scope)
  if scope == '' then return redis.call('ZCOUNT', key, '(' .. since, '+inf') end
  local calls = 0
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, '(' .. since, '+inf')) do
    if string.find(member, scope, 1, true) then calls = calls + 1 end
  end
  return calls
end

-- ARGV from `at`: most calls (0: no rule), since when, within which scope ('': all of the buyer's), whether billed ones alone count.
local function is_exhausted(at)
  local most = tonumber(ARGV[at])
  if most == 0 or not KEYS[3] then return false end
  return calls_in(ARGV[at + 3] == '1' and KEYS[4] or KEYS[3], ARGV[at + 1], ARGV[at + 2]) >= most
end

local function add_contact(ms, member, keep_ms)
  redis.call('ZADD', KEYS[3], ms, member)
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ms - keep_ms)
  redis.call('PEXPIRE', KEYS[3], keep_ms)
end

-- Whether this period's calls are as many as may be; '-1': there is no limit, and nothing is looked up.
local function is_full(counter, most, at, period)
  return counter[at] == period and counter[at + 1] >= tonumber(most)
end

local function judge(counter, i)
  local most = ARGV[i + 1]
  if most ~= '-1' and counter[1] >= tonumber(most) then return 'concurrency' end
  most = ARGV[i + 5]
  if most ~= '-1' and counter[2] >= tonumber(most) then return 'cap' end
  if ARGV[i + 2] ~= '-1' then
    local hour = tonumber(ARGV[i + 8])
    if is_full(counter, ARGV[i + 2], hour_at(hour), hour) then return 'cap' end
  end
  if ARGV[i + 3] ~= '-1' then
    local day = tonumber(ARGV[i + 9])
    if is_full(counter, ARGV[i + 3], day_at(day), day) then return 'cap' end
  end
  if ARGV[i + 4] ~= '-1' then
    local month = tonumber(ARGV[i + 10])
    if is_full(counter, ARGV[i + 4], month_at(month), month) then return 'cap' end
  end
end

local function budget_left(counter, i)
  if ARGV[i + 6] == '-1' and ARGV[i + 7] == '-1' then return nil end
  local left
  local daily, total = tonumber(ARGV[i + 6]), tonumber(ARGV[i + 7])
  if daily >= 0 then
    local day = tonumber(ARGV[i + 9])
    local at = day_at(day)
    left = daily - (counter[at] == day and counter[at + 2] or 0)
  end
  if total >= 0 then left = math.min(left or math.huge, total - counter[3]) end
  return left
end

-- ARGV: 4 lease ms, 5 price, 6 credit ('': no funds are asked for), 7 ms, 8 '1' to judge ('0': it is taken whatever there is), 9 state,
-- 10 caller, 11 member, 12 ms a contact is kept, 13-16 the rule, 17 funds, then 11 of each counter: name, most at once, of an hour, a day, a month, in
-- total, a day's and the total budget (-1: none), hour, day, month.
local FIRST_COUNTER = 18
local WIDTH = 11
local function reserve()
  local ms = now_ms()
  expire(ms)
  local fields = { 'e', 'm', 'l:' .. id }
  for i = FIRST_COUNTER, #ARGV, WIDTH do fields[#fields + 1] = 'c:' .. ARGV[i] end
  local found = redis.call('HMGET', KEYS[1], unpack(fields))
  if found[1] ~= epoch then return { 'unknown' } end
  local lease, price, funds, state = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[17]), tonumber(ARGV[9])
  if found[3] then
    local known = unpack_claim(found[3])
    if known[1] == ORPHANED and state < SETTLED then
      change(known, 1, 0, 0, 0, 0)
      known[1] = ANSWERED
      keep(id, known)
    elseif known[1] == RESERVED and state == ANSWERED then
      known[1] = ANSWERED
      keep(id, known)
    end
    redis.call('ZADD', KEYS[2], ms + lease, id)
    return { 'ok', -1 }
  end
  local purse = ARGV[6] ~= '' and found[2] and unpack_money(found[2])
  local is_judged = ARGV[8] == '1'
  local counters, left = {}, nil
  for n = 1, (#ARGV - FIRST_COUNTER + 1) / WIDTH do
    local i = FIRST_COUNTER + (n - 1) * WIDTH
    local counter = found[3 + n] and unpack_counter(found[3 + n]) or new_counter()
    counters[n] = counter
    if is_judged then
      local code = judge(counter, i)
      if code then return { code, n } end
      local budget = budget_left(counter, i)
      if budget then left = math.min(left or math.huge, budget) end
    end
  end
  local available = -1
  if is_judged then
    if is_exhausted(13) then return { 'frequency' } end
    if left and left < price then return { 'budget' } end
    if purse then
      available = purse[1] + tonumber(ARGV[6]) - purse[2] - funds
      if available < 0 then return { 'funds' } end
    end
  end

  local member = ARGV[11]
  local claim = { ARGV[9], ARGV[5], ARGV[7], KEYS[3] and ARGV[10] or '', member, ARGV[17] }
  local set = {}
  local answer = { 'ok', available }
  for n, counter in ipairs(counters) do
    local i = FIRST_COUNTER + (n - 1) * WIDTH
    local hour, day, month = tonumber(ARGV[i + 8]), tonumber(ARGV[i + 9]), tonumber(ARGV[i + 10])
    count(counter, hour, day, month, 1, 1, price, true)
    set[#set + 1] = 'c:' .. ARGV[i]
    set[#set + 1] = pack_counter(counter)
    local at = #claim
    claim[at + 1], claim[at + 2], claim[at + 3], claim[at + 4] = ARGV[i], ARGV[i + 8], ARGV[i + 9], ARGV[i + 10]
    local most = tonumber(ARGV[i + 1])
    answer[n + 2] = most < 0 and -1 or most - counter[1]
  end
  if purse then
    purse[2] = purse[2] + funds
    set[#set + 1] = 'm'
    set[#set + 1] = pack_money(purse)
  end
  set[#set + 1] = 'l:' .. id
  set[#set + 1] = table.concat(claim, '\n') .. '\n'
  redis.call('HSET', KEYS[1], unpack(set))
  redis.call('ZADD', KEYS[2], ms + lease, id)
  if KEYS[3] then add_contact(tonumber(ARGV[7]), member, tonumber(ARGV[12])) end
  return answer
end

local function is_current()
  return redis.call('HGET', KEYS[1], 'e') == epoch
end

-- ARGV: 4 what is billed, 5 what is held of the balance.
local function ended()
  local claim = find(id)
  if not claim then return { (todo == 'answer' or todo == 'settle') and 'gone' or 'ok' } end
  local billed, funds = tonumber(ARGV[4]), tonumber(ARGV[5])
  if todo == 'answer' then
    if claim[1] == RESERVED then
      claim[1] = ANSWERED
      keep(id, claim)
    end
  elseif todo == 'release' then
    release(id, claim)
  elseif todo == 'settle' then
    settle(id, claim, billed, funds)
  elseif todo == 'done' then
    settle(id, claim, billed, funds)
    change(claim, 0, 0, 0, -funds, -funds)
    forget(id)
  elseif todo == 'keep' then
    settle(id, claim, billed, funds)
    claim[1] = ORPHANED
    keep(id, claim)
    redis.call('ZREM', KEYS[2], id)
  else
    change(claim, 0, 0, 0, funds - claim[6], 0)
    claim[6] = funds
    if funds == 0 then forget(id) else keep(id, claim) end
  end
  return { 'ok' }
end

-- ARGV: 4 lease ms, then ids. Answers with those that are not there.
local function renew()
  local ms = now_ms()
  local answer = { 'ok' }
  for i = 5, #ARGV do
    if redis.call('ZSCORE', KEYS[2], ARGV[i]) then
      redis.call('ZADD', KEYS[2], ms + tonumber(ARGV[4]), ARGV[i])
    else
      answer[#answer + 1] = ARGV[i]
    end
  end
  expire(ms)
  return answer
end

-- It is somebody else who calls. ARGV: 4 caller, 5 member, 6 ms, 7 ms a contact is kept, 8-11 the rule.
local function caller()
  local claim = find(id)
  if not claim then return { 'ok' } end
  if is_exhausted(8) then return { 'frequency' } end
  if claim[4] ~= '' then redis.call('ZREM', callers_key('from', claim[4]), claim[5]) end
  claim[4], claim[5] = ARGV[4], ARGV[5]
  keep(id, claim)
  add_contact(tonumber(ARGV[6]), ARGV[5], tonumber(ARGV[7]))
  return { 'ok' }
end

-- Money moved by something other than a call: ARGV: 3 its posting, 4 the version of the book it came with, 5 micros.
local function adjust()
  local purse = money()
  local version = tonumber(ARGV[4])
  if not purse or version <= purse[3] then return { 'ok' } end
  local seen = KEYS[1] .. ':postings'
  if redis.call('ZADD', seen, version, id) == 0 then return { 'ok' } end
  redis.call('ZREMRANGEBYRANK', seen, 0, -1001)
  purse[1] = purse[1] + tonumber(ARGV[5])
  redis.call('HSET', KEYS[1], 'm', pack_money(purse))
  return { 'ok' }
end

-- ARGV: 3 pairs of contacts to come before `load`: {{caller, ms, member, ms it is kept, billed}}.
local function contacts()
  for _, contact in ipairs(cjson.decode(id)) do
    local from = callers_key('from', contact[1])
    redis.call('ZADD', from, contact[2], contact[3])
    redis.call('PEXPIRE', from, contact[4])
    if contact[5] then
      local won = callers_key('won', contact[1])
      redis.call('ZADD', won, contact[2], contact[3])
      redis.call('PEXPIRE', won, contact[4])
    end
  end
  return { 'ok' }
end

-- Everything as the database has it: ARGV: 3 {balance, version, counters: {NAME: counter}, claims: {ID: claim}}, 4 lease ms.
local function load()
  if is_current() then return { 'kept' } end
  local built = cjson.decode(id)
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[1] .. ':postings')
  for name, counter in pairs(built.counters) do
    redis.call('HSET', KEYS[1], 'c:' .. name, pack_counter(counter))
  end
  local held = 0
  local ms = now_ms()
  for claim_id, claim in pairs(built.claims) do
    change(claim, 1, 1, claim[2], 0, 0)
    held = held + claim[6]
    keep(claim_id, claim)
    if claim[1] ~= ORPHANED then redis.call('ZADD', KEYS[2], ms + tonumber(ARGV[4]), claim_id) end
  end
  redis.call('HSET', KEYS[1], 'm', pack_money({ built.balance, held, built.version }), 'e', epoch)
  return { 'ok' }
end

if todo == 'reserve' then return reserve() end
if todo == 'contacts' then return contacts() end
if todo == 'load' then return load() end
if not is_current() then
  -- Whoever is rebuilding may have read before this was committed, so it is not in what he loads.
  local is_building = todo ~= 'renew' and todo ~= 'caller' and redis.call('EXISTS', KEYS[1] .. ':building') == 1
  return { is_building and 'building' or 'unknown' }
end
if todo == 'renew' then return renew() end
if todo == 'caller' then return caller() end
if todo == 'adjust' then return adjust() end
return ended()
