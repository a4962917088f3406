-- What all scripts on counters share, put before each of them. All of one buyer (or seller) that gateways share: places, caps, budgets,
-- funds, callers. Every key has the hash tag of that account, so a script may run on any node of a cluster. Whatever it decides, it decides
-- whole: nothing is written before everything has been judged.
--
-- KEYS[1]  a hash: e = the epoch it was built in; m = {balance, held, book version}; c:NAME = a counter; l:ID = a claim
-- KEYS[2]  a sorted set: the claims whose process lives, by the time (ms) at which it must have said so again
-- KEYS[3]  a sorted set: the calls of one caller by their time; KEYS[4] those of them that were billed; absent where no rule asks
--
-- A counter is {in use, calls, micros, hour, calls, hour, calls, day, calls, micros, day, calls, micros, month, calls, month, calls}: of each
-- period the newest two, the newest first. A claim is a line each of its state, price, ms, caller, member, funds, and then in JSON {name,
-- hour, day, month} of each counter, one after another: its price counts in budgets, its funds are what it holds of the balance.

local EMPTY = -1e9
local RESERVED, ANSWERED, SETTLED, ORPHANED = 0, 1, 2, 3
-- Where the newest of each period stands in a counter, and how wide it is.
local HOUR, DAY, MONTH = 4, 8, 14
local CALLS, CALLS_AND_MICROS = 2, 3

-- Packed as doubles: cmsgpack takes three times as long.
local COUNTER = '<ddddddddddddddddd'
local function unpack_counter(packed)
  if packed then return { struct.unpack(COUNTER, packed) } end
  return { 0, 0, 0, EMPTY, 0, EMPTY, 0, EMPTY, 0, 0, EMPTY, 0, 0, EMPTY, 0, EMPTY, 0 }
end
local function pack_counter(counter) return struct.pack(COUNTER, unpack(counter)) end

local MONEY = '<ddd'
local function unpack_money(packed) return { struct.unpack(MONEY, packed) } end
local function pack_money(purse) return struct.pack(MONEY, purse[1], purse[2], purse[3]) end

local function unpack_claim(packed)
  local state, price, ms, caller, member, funds, counters = string.match(packed, '^(.-)\n(.-)\n(.-)\n(.-)\n(.-)\n(.-)\n(.*)$')
  return { tonumber(state), tonumber(price), ms, caller, member, tonumber(funds), counters }
end

local function keep(claim_id, claim)
  local packed = string.format('%d\n%.0f\n%s\n%s\n%s\n%.0f\n%s', unpack(claim))
  redis.call('HSET', KEYS[1], 'l:' .. claim_id, packed)
end

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Where a counter has this period, which may begin with it; nil: it is older than the newest two.
local function find_period(counter, newest, width, period, begins)
  local older = newest + width
  if counter[newest] == period then return newest end
  if counter[newest] > period then
    if counter[older] == period then return older end
    if counter[older] > period or not begins then return nil end
    newest = older
  elseif not begins then
    return nil
  else
    for i = 0, width - 1 do counter[older + i] = counter[newest + i] end
  end
  counter[newest], counter[newest + 1] = period, 0
  if width == CALLS_AND_MICROS then counter[newest + 2] = 0 end
  return newest
end

-- Adds to every counter of a claim, and to the buyer's money.
local function change(claim, in_use, calls, micros, held, balance)
  local counters = cjson.decode(claim[7])
  local fields = {}
  for i = 1, #counters, 4 do fields[#fields + 1] = 'c:' .. counters[i] end
  local packed = #fields > 0 and redis.call('HMGET', KEYS[1], unpack(fields))
  local set = {}
  for n, field in ipairs(fields) do
    local counter = unpack_counter(packed[n])
    local i = n * 4 - 3
    local hour = find_period(counter, HOUR, CALLS, counters[i + 1], calls > 0)
    local day = find_period(counter, DAY, CALLS_AND_MICROS, counters[i + 2], calls > 0)
    local month = find_period(counter, MONTH, CALLS, counters[i + 3], calls > 0)
    counter[1] = math.max(0, counter[1] + in_use)
    counter[2] = counter[2] + calls
    counter[3] = counter[3] + micros
    if hour then counter[hour + 1] = counter[hour + 1] + calls end
    if day then counter[day + 1], counter[day + 2] = counter[day + 1] + calls, counter[day + 2] + micros end
    if month then counter[month + 1] = counter[month + 1] + calls end
    set[#set + 1] = field
    set[#set + 1] = pack_counter(counter)
  end
  if held ~= 0 or balance ~= 0 then
    local money = redis.call('HGET', KEYS[1], 'm')
    if money then
      local purse = unpack_money(money)
      purse[1] = purse[1] + balance
      purse[2] = math.max(0, purse[2] + held)
      set[#set + 1] = 'm'
      set[#set + 1] = pack_money(purse)
    end
  end
  if #set > 0 then redis.call('HSET', KEYS[1], unpack(set)) end
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
  if most == 0 then return false end
  return calls_in(ARGV[at + 3] == '1' and KEYS[4] or KEYS[3], ARGV[at + 1], ARGV[at + 2]) >= most
end

local function add_contact(ms, member, keep_ms)
  redis.call('ZADD', KEYS[3], ms, member)
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ms - keep_ms)
  redis.call('PEXPIRE', KEYS[3], keep_ms)
end
