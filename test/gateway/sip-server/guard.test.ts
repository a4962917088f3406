import assert from 'node:assert/strict'
import { sourceKeyOf } from '../../../gateway/sip-server/address-blocks.ts'
import { Guard } from '../../../gateway/sip-server/guard.ts'
import { DEFAULT_GUARD } from '../../../gateway/sip-server/guard-options.ts'
import type { GuardNotice, GuardOptions } from '../../../gateway/sip-server/guard-options.ts'
import { SipMessage } from '../../../gateway/sip-server/message.ts'

const SOURCE = '198.51.100.7'

function request(method = 'OPTIONS', userAgent?: string): SipMessage {
  const message = new SipMessage(method, 'sip:x@example.com', 0, '')
  if (userAgent !== undefined) message.add('User-Agent', userAgent)
  return message
}

describe('the guard', () => {
  let nowMs: number
  let notices: GuardNotice[]
  let guard: Guard
  const open = (options: Partial<GuardOptions> = {}): void => {
    guard = new Guard(
      { ...DEFAULT_GUARD, ...options },
      (notice) => void notices.push(notice),
      () => nowMs,
    )
  }
  beforeEach(() => {
    nowMs = 1_000
    notices = []
    open()
  })
  const garbage = (host: string, times: number): boolean[] =>
    Array.from({ length: times }, () => guard.takesMalformed(host))

  it('answers some garbage, drops more, and then does not listen for a minute', () => {
    open({ malformed: { perSecond: 1, burst: 3 } })
    assert.deepEqual(garbage(SOURCE, 4), [true, true, true, false])
    assert.equal(guard.admits(SOURCE), false)
    assert.equal(guard.admits('198.51.100.8'), true, 'its neighbour has done nothing')
    assert.deepEqual(notices, [{ kind: 'banned', address: SOURCE, offence: 'malformed', forMs: 60_000, untold: 0 }])
    nowMs += 59_999
    assert.equal(guard.admits(SOURCE), false)
    nowMs += 1
    assert.equal(guard.admits(SOURCE), true)
    assert.deepEqual(garbage(SOURCE, 1), [true], 'it starts afresh')
    assert.equal(guard.stats().droppedBanned, 2)
  })

  it('bans twice as long each time, up to the longest, and forgets after as long without one', () => {
    open({ malformed: { perSecond: 1, burst: 1 }, banMs: 1_000, maxBanMs: 3_000 })
    const banned = (): number => {
      garbage(SOURCE, 2)
      const [ban] = guard.bans()
      nowMs += ban!.leftMs
      assert.equal(guard.admits(SOURCE), true)
      return ban!.leftMs
    }
    assert.deepEqual([banned(), banned(), banned(), banned()], [1_000, 2_000, 3_000, 3_000])
    nowMs += 3_001
    assert.equal(banned(), 1_000)
  })

  it('has connections of a source rest that has sent all it may and cannot be banned', () => {
    open({ trustedRequests: { perSecond: 10, burst: 1 }, hardFactor: 4, malformed: { perSecond: 1, burst: 1 } })
    guard.setAdmission({ trusted: [`${SOURCE}/32`], strangersMay: null })
    assert.equal(guard.restMs(SOURCE), 0, 'it has sent nothing')
    const send = (): number => {
      guard.admitsRequest(request(), SOURCE, false, true)
      return guard.restMs(SOURCE)
    }
    // 40 a second, four at once: until there is one, and what a tenth of a second brings.
    assert.deepEqual([send(), send(), send(), send()], [0, 0, 0, 125])
    nowMs += 20
    assert.equal(guard.restMs(SOURCE), 105)
    nowMs += 105
    assert.equal(guard.restMs(SOURCE), 0)
    const malformed = (): boolean => guard.takesMalformed(SOURCE, true)
    assert.deepEqual([malformed(), guard.restMs(SOURCE)], [true, 0], 'what is answered is little')
    assert.deepEqual([malformed(), malformed(), malformed(), malformed()], [false, false, false, false])
    assert.equal(guard.restMs(SOURCE), 125)
    assert.equal(guard.stats().bansTotal, 0)
  })

  it('has them rest with room for a piece left, and looks again after a second at the latest', () => {
    open({ trustedRequests: { perSecond: 0.001, burst: 500 }, hardFactor: 1 })
    guard.setAdmission({ trusted: [`${SOURCE}/32`], strangersMay: null })
    for (let i = 0; i < 375; i++) guard.admitsRequest(request(), SOURCE, false, true)
    assert.equal(guard.restMs(SOURCE), 0)
    assert.equal(guard.admitsRequest(request(), SOURCE, false, true), true)
    assert.deepEqual(notices, [])
    assert.equal(guard.restMs(SOURCE), 1_000)
    assert.deepEqual(notices, [{ kind: 'limited', host: SOURCE, offence: 'requests' }])
    assert.equal(guard.restMs(SOURCE), 1_000)
    assert.equal(notices.length, 1, 'told once in a while')
    assert.equal(guard.admitsRequest(request(), SOURCE, false, true), true, 'what the piece has besides is not lost')
  })

  it('does not let datagrams in a trunk’s name, which anybody can send, keep its connections waiting', () => {
    open({ trustedRequests: { perSecond: 10, burst: 1 }, hardFactor: 4, malformed: { perSecond: 1, burst: 1 } })
    guard.setAdmission({ trusted: [`${SOURCE}/32`], strangersMay: null })
    for (let i = 0; i < 100; i++) {
      guard.admitsRequest(request(), SOURCE, false)
      guard.takesMalformed(SOURCE)
      guard.strayed(SOURCE)
    }
    assert.equal(guard.restMs(SOURCE), 0)
    assert.equal(guard.admitsRequest(request('BYE'), SOURCE, true, true), true)
    assert.equal(guard.admitsRequest(request('BYE'), SOURCE, true), false)
  })

  it('does not take what anybody can send unreadably in a trunk’s name for requests of it', () => {
    open({ trustedRequests: { perSecond: 10, burst: 1 }, hardFactor: 4, malformed: { perSecond: 1, burst: 1 } })
    guard.setAdmission({ trusted: [`${SOURCE}/32`], strangersMay: null })
    garbage(SOURCE, 100)
    assert.equal(guard.admitsRequest(request('BYE'), SOURCE, true), true)
  })

  it('has no stranger’s connection rest: who sends too much is banned', () => {
    open({ requests: { perSecond: 10, burst: 1 }, hardFactor: 4 })
    for (let i = 0; i < 5; i++) {
      guard.admitsRequest(request(), SOURCE, false, true)
      assert.equal(guard.restMs(SOURCE), 0)
    }
    assert.equal(guard.admits(SOURCE), false)
  })

  it('lets requests of a source through at its rate, refuses more, and bans for a multiple of it', () => {
    open({ requests: { perSecond: 2, burst: 2 }, hardFactor: 2 })
    const send = (): string => {
      if (!guard.admitsRequest(request(), SOURCE, false)) return 'dropped'
      return guard.takesNew(SOURCE, 'OPTIONS') ? 'taken' : 'refused'
    }
    assert.deepEqual(Array.from({ length: 5 }, send), ['taken', 'taken', 'refused', 'refused', 'dropped'])
    assert.equal(guard.admits(SOURCE), false)
    const { refusedFlood, droppedFlood, banned } = guard.stats()
    assert.deepEqual([refusedFlood, droppedFlood, banned], [2, 1, 1])
    nowMs += 60_000
    guard.admits(SOURCE)
    assert.equal(send(), 'taken')
  })

  it('counts strays and requests in dialogs, which are judged by nothing but their number', () => {
    open({ requests: { perSecond: 1, burst: 2 }, hardFactor: 1 })
    guard.setAdmission({ trusted: [], strangersMay: [] })
    assert.equal(guard.admitsRequest(request('BYE', 'friendly-scanner'), SOURCE, true), true)
    guard.strayed(SOURCE)
    assert.equal(guard.admitsRequest(request('BYE'), SOURCE, true), false)
    assert.equal(guard.admits(SOURCE), false)
  })

  it('never bans a trusted source: it is limited, and told of once in a while', () => {
    open({ malformed: { perSecond: 1, burst: 2 }, trustedRequests: { perSecond: 1, burst: 1 }, hardFactor: 2 })
    guard.setAdmission({ trusted: ['198.51.100.0/24'], strangersMay: null })
    assert.deepEqual(garbage(SOURCE, 4), [true, true, false, false])
    assert.equal(guard.admits(SOURCE), true)
    assert.deepEqual(notices, [{ kind: 'limited', host: SOURCE, offence: 'malformed' }])
    nowMs += 10_000
    for (let i = 0; i < 3; i++) {
      guard.admitsRequest(request(), SOURCE, false)
      guard.takesNew(SOURCE, 'OPTIONS')
    }
    assert.deepEqual(notices.slice(1), [{ kind: 'limited', host: SOURCE, offence: 'requests' }])
    for (let i = 0; i < 50; i++) guard.authenticationFailed(SOURCE)
    assert.equal(guard.stats().bansTotal, 0)
  })

  it('lets nobody guess passwords whom it does not ban: for a while nothing that takes a password, but the INVITE of a trunk', () => {
    open({ failedAuthentications: { perSecond: 1, burst: 3 } })
    const taken = (): string =>
      ['REGISTER', 'MESSAGE', 'SUBSCRIBE', 'INVITE', 'OPTIONS']
        .filter((method) => guard.takesNew(SOURCE, method))
        .join(' ')
    guard.corresponds(SOURCE)
    for (let i = 0; i < 2; i++) guard.authenticationFailed(SOURCE)
    assert.equal(taken(), 'REGISTER MESSAGE SUBSCRIBE INVITE OPTIONS')
    guard.authenticationFailed(SOURCE)
    assert.equal(taken(), 'OPTIONS')
    guard.setAdmission({ trusted: [SOURCE], strangersMay: null })
    assert.equal(taken(), 'INVITE OPTIONS')
    nowMs += 1_000
    assert.equal(taken(), 'REGISTER MESSAGE SUBSCRIBE INVITE OPTIONS')
    guard.authenticationFailed(SOURCE)
    assert.equal(taken(), 'INVITE OPTIONS')
    assert.equal(guard.stats().bansTotal, 0)
  })

  it('bans a stranger who goes on guessing passwords, instead of merely not taking the next guess', () => {
    open({ failedAuthentications: { perSecond: 1, burst: 3 } })
    for (let i = 0; i < 3; i++) guard.authenticationFailed(SOURCE)
    assert.equal(guard.takesNew(SOURCE, 'REGISTER'), true)
    guard.authenticationFailed(SOURCE)
    assert.equal(guard.admits(SOURCE), false)
    assert.equal(guard.stats().bansTotal, 1)
  })

  it('never bans a place we send requests to: somebody may be forging it', () => {
    guard.corresponds(SOURCE)
    garbage(SOURCE, 30)
    assert.equal(guard.admits(SOURCE), true)
    assert.equal(guard.stats().bansTotal, 0)
    assert.ok(guard.stats().droppedMalformed > 0)
  })

  it('lifts the ban of a source that becomes a trunk’s, and drops the trust of one that is none any more', () => {
    garbage(SOURCE, 30)
    garbage('2001:db8:1:2::9', 30)
    assert.equal(guard.stats().banned, 2)
    guard.setAdmission({ trusted: [`${SOURCE}/32`, '2001:db8:1::/48'], strangersMay: null })
    assert.equal(guard.stats().banned, 0)
    garbage(SOURCE, 30)
    assert.equal(guard.stats().banned, 0)
    guard.setAdmission({ trusted: [], strangersMay: null })
    garbage(SOURCE, 30)
    assert.equal(guard.admits(SOURCE), false)
  })

  it('drops scanners by their User-Agent and bans them, but not a trunk that uses the same library', () => {
    const scan = request('OPTIONS', 'Friendly-Scanner/1.0')
    assert.equal(guard.admitsRequest(request('OPTIONS', 'Yealink T46'), SOURCE, false), true)
    assert.equal(guard.admitsRequest(scan, SOURCE, false), false)
    assert.equal(guard.bans()[0]?.offence, 'scanner')
    guard.setAdmission({ trusted: ['203.0.113.1'], strangersMay: null })
    assert.equal(guard.admitsRequest(request('INVITE', 'VaxSIPUserAgent/3.1'), '203.0.113.1', false), true)
    open({ scanners: ['our-own-list'] })
    assert.equal(guard.admitsRequest(scan, SOURCE, false), true)
    assert.equal(guard.admitsRequest(request('OPTIONS', 'xOUR-own-LISTx'), SOURCE, false), false)
  })

  it('lets strangers begin only with what they may, and trusted sources with anything', () => {
    guard.setAdmission({ trusted: ['203.0.113.1'], strangersMay: ['REGISTER', 'INVITE'] })
    const may = (method: string, host = SOURCE): boolean => guard.admitsRequest(request(method), host, false)
    assert.deepEqual([may('REGISTER'), may('INVITE'), may('CANCEL'), may('OPTIONS')], [true, true, true, false])
    assert.equal(may('OPTIONS', '203.0.113.1'), true)
    guard.setAdmission({ trusted: [], strangersMay: [] })
    assert.deepEqual([may('INVITE'), may('CANCEL')], [false, false])
    assert.equal(guard.stats().droppedUnknown, 3)
    assert.equal(guard.stats().banned, 0, 'being nobody is no offence')
  })

  it('takes all addresses of an IPv6 /64 for one, and an IPv4 one for itself however it is written', () => {
    assert.equal(sourceKeyOf('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64')
    assert.equal(sourceKeyOf('2001:db8::1'), '2001:db8:0:0::/64')
    assert.equal(sourceKeyOf('::1'), '0:0:0:0::/64')
    assert.equal(sourceKeyOf('fe80::1%eth0'), 'fe80:0:0:0::/64')
    assert.equal(sourceKeyOf('::ffff:192.0.2.1'), '192.0.2.1')
    assert.equal(sourceKeyOf('64:ff9b::192.0.2.1'), '64:ff9b:0:0::/64')
    garbage('2001:db8:1:2::1', 30)
    assert.equal(guard.admits('2001:db8:1:2:ffff::5'), false)
    assert.equal(guard.admits('2001:db8:1:3::1'), true)
    garbage('::ffff:192.0.2.1', 30)
    assert.equal(guard.admits('192.0.2.1'), false)
  })

  it('lists bans with what they have kept out, and lifts them', () => {
    garbage(SOURCE, 30)
    garbage('2001:db8:1:2::1', 30)
    guard.admits(SOURCE)
    assert.deepEqual(guard.bans(), [
      { address: '2001:db8:1:2::/64', offence: 'malformed', leftMs: 60_000, times: 1, dropped: 0 },
      { address: SOURCE, offence: 'malformed', leftMs: 60_000, times: 1, dropped: 1 },
    ])
    assert.equal(guard.lift('2001:db8:1:2::77'), true)
    assert.equal(guard.lift(SOURCE), true)
    assert.equal(guard.lift(SOURCE), false)
    assert.deepEqual(guard.bans(), [])
    garbage(SOURCE, 30)
    assert.equal(guard.bans()[0]?.times, 1, 'a lifted ban is forgiven')
  })

  it('remembers no more sources and bans than it may, and tells of no more than a log can bear', () => {
    open({ malformed: { perSecond: 1, burst: 1 }, maxSources: 50, maxBans: 20 })
    const host = (i: number): string => `10.0.${i >> 8}.${i & 255}`
    for (let i = 0; i < 500; i++) garbage(host(i), 2)
    assert.equal(guard.stats().banned, 20)
    assert.equal(guard.admits(host(499)), false)
    assert.equal(guard.admits(host(0)), true, 'the oldest ban made room')
    assert.ok(guard.sources <= 50, `${guard.sources} sources`)
    assert.equal(notices.length, 10)
    nowMs += 1_000
    garbage('10.9.9.9', 2)
    const last = notices.at(-1)!
    assert.ok(last.kind === 'banned' && last.untold === 490)
  })

  it('forgets a quiet source before one that is heard of again and again', () => {
    open({ malformed: { perSecond: 1, burst: 2 }, maxSources: 8 })
    garbage(SOURCE, 1)
    for (let i = 0; i < 100; i++) {
      nowMs += 1
      guard.strayed(SOURCE)
      guard.strayed(`10.0.0.${i}`)
    }
    assert.deepEqual(garbage(SOURCE, 2), [true, false], 'what it had used up is still known')
  })
})
