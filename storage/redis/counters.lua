-- Everything that is asked of counters but a reservation.
-- ARGV[1]  what to do; ARGV[2] the epoch the asker knows; ARGV[3] the id of the claim

local EXPIRED_AT_ONCE = 16
local todo, epoch, id = ARGV[1], ARGV[2], ARGV[3]

local function callers_key(kind, ani)
  return KEYS[1] .. ':' .. kind .. ':' .. epoch .. ':' .. ani
end

local function find(claim_id)
  local packed = redis.call('HGET', KEYS[1], 'l:' .. claim_id)
  return packed and unpack_claim(packed)
end

local function forget(claim_id)
  redis.call('HDEL', KEYS[1], 'l:' .. claim_id)
  redis.call('ZREM', KEYS[2], claim_id)
end

-- As if it had never been. Keys the asker did not name come first, here and below: while a cluster moves their slot they may be refused, and
-- then nothing has happened that the next attempt would do again.
local function release(claim_id, claim)
  if claim[1] == SETTLED then return end
  if claim[4] ~= '' then
    redis.call('ZREM', callers_key('from', claim[4]), claim[5])
    redis.call('ZREM', callers_key('won', claim[4]), claim[5])
  end
  change(claim, claim[1] == ORPHANED and 0 or -1, -1, -claim[2], -claim[6], 0)
  forget(claim_id)
end

-- Its places are free; its budget has what is billed, and its funds are held until the ledger has been written.
local function settle(claim_id, claim, billed, funds)
  if claim[1] == SETTLED and claim[2] == billed and claim[6] == funds then return end
  if billed > 0 and claim[4] ~= '' then
    local from, won = callers_key('from', claim[4]), callers_key('won', claim[4])
    local left = redis.call('PTTL', from)
    if left > 0 then
      redis.call('ZADD', won, claim[3], claim[5])
      redis.call('PEXPIRE', won, left)
    end
  end
  change(claim, claim[1] < SETTLED and -1 or 0, 0, billed - claim[2], funds - claim[6], 0)
  claim[1], claim[2], claim[6] = SETTLED, billed, funds
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
  return { 'ok' }
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
  if not claim or not KEYS[3] then return { 'ok' } end
  if is_exhausted(8) then return { 'frequency' } end
  if claim[4] ~= '' then redis.call('ZREM', callers_key('from', claim[4]), claim[5]) end
  claim[4], claim[5] = ARGV[4], ARGV[5]
  keep(id, claim)
  add_contact(tonumber(ARGV[6]), ARGV[5], tonumber(ARGV[7]))
  return { 'ok' }
end

-- Money moved by something other than a call: ARGV: 3 its posting, 4 the version of the book it came with, 5 micros.
local function adjust()
  local packed = redis.call('HGET', KEYS[1], 'm')
  if not packed then return { 'ok' } end
  local purse, version = unpack_money(packed), tonumber(ARGV[4])
  if version <= purse[3] then return { 'ok' } end
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

-- Everything as the database has it: ARGV: 3 {balance, version, counters: {NAME: counter}, claims: {ID: claim as it is kept}}, 4 lease ms.
local function load()
  if is_current() then return { 'kept' } end
  local built = cjson.decode(id)
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[1] .. ':postings')
  for name, counter in pairs(built.counters) do
    redis.call('HSET', KEYS[1], 'c:' .. name, pack_counter(counter))
  end
  local held = 0
  local ms = now_ms()
  for claim_id, packed in pairs(built.claims) do
    local claim = unpack_claim(packed)
    change(claim, 1, 1, claim[2], 0, 0)
    held = held + claim[6]
    keep(claim_id, claim)
    if claim[1] ~= ORPHANED then redis.call('ZADD', KEYS[2], ms + tonumber(ARGV[4]), claim_id) end
  end
  redis.call('HSET', KEYS[1], 'm', pack_money({ built.balance, held, built.version }), 'e', epoch)
  return { 'ok' }
end

if todo == 'contacts' then return contacts() end
if todo == 'load' then return load() end
if not is_current() then
  -- Whoever is rebuilding may have read before this was committed, so it is not in what he loads.
  local is_building = todo ~= 'renew' and todo ~= 'caller' and todo ~= 'expire' and redis.call('EXISTS', KEYS[1] .. ':building') == 1
  return { is_building and 'building' or 'unknown' }
end
if todo == 'renew' then return renew() end
if todo == 'expire' then return expire(now_ms()) end
if todo == 'caller' then return caller() end
if todo == 'adjust' then return adjust() end
return ended()
