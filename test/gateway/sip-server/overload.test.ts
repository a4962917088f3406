import assert from 'node:assert/strict'
import { DEFAULT_OVERLOAD, Overload } from '../../../gateway/sip-server/overload.ts'
import type { OverloadOptions } from '../../../gateway/sip-server/overload.ts'
import { ReactionTimes } from '../../../gateway/sip-server/reaction-times.ts'
import { SDP } from '../../support/sip-peer.ts'
import { eventually, TestServer } from '../../support/sip-server.ts'

/**
 * An application as a queue: it reads one thing after another, `workMs` each, and answers `thinkMs` after it has read. Calls
 * arrive evenly; each is an INVITE and, once answered, an ACK.
 */
class Application {
  nowMs = 0
  unreadMs = 0
  readonly overload: Overload
  readonly #queue: { name: string; isInvite: boolean }[] = []
  #reactions: { atMs: number; name: string; isInvite: boolean }[] = []
  #freeAtMs = 0
  #next = 0
  #owed = 0
  workMs = 1
  thinkMs = 0
  offered = 0
  admitted = 0
  done = 0

  constructor(options: Partial<OverloadOptions> = {}) {
    this.overload = new Overload(
      { ...DEFAULT_OVERLOAD, ...options },
      () => this.nowMs,
      () => this.unreadMs,
    )
  }

  /** Lets `perSecond` calls come for so long. */
  run(perSecond: number, seconds: number): void {
    const endMs = this.nowMs + seconds * 1000
    while (this.nowMs < endMs) {
      this.nowMs += 1
      this.#owed += perSecond / 1000
      for (; this.#owed >= 1; this.#owed--) this.#arrive()
      this.#work()
    }
  }

  #arrive(): void {
    this.offered++
    if (!this.overload.admits()) return
    this.admitted++
    this.#show(`invite ${this.#next++}`, true)
  }

  #show(name: string, isInvite: boolean): void {
    this.overload.shown(name, isInvite)
    this.#queue.push({ name, isInvite })
  }

  /** It stands still for so long from now on. */
  pause(ms: number): void {
    this.#freeAtMs = this.nowMs + ms
  }

  /** It goes on with what it has before it. */
  wake(): void {
    this.#freeAtMs = this.nowMs
  }

  #work(): void {
    while (this.#queue.length > 0 && this.#freeAtMs <= this.nowMs) {
      const read = this.#queue.shift()!
      this.#freeAtMs = Math.max(this.#freeAtMs, this.nowMs - 1) + this.workMs / 2
      const atMs = this.nowMs + (read.isInvite ? this.thinkMs : 0)
      this.#reactions.push({ atMs, ...read })
    }
    const due = this.#reactions.filter(({ atMs }) => atMs <= this.nowMs)
    this.#reactions = this.#reactions.filter(({ atMs }) => atMs > this.nowMs)
    for (const { name, isInvite } of due) {
      this.overload.reacted(name)
      if (isInvite) this.#show(`ack ${name}`, false)
      else this.done++
    }
  }

  get queued(): number {
    return this.#queue.length
  }
}

describe('overload control', () => {
  it('lets everything in that can be done', () => {
    const app = new Application()
    app.run(900, 10)
    assert.equal(app.overload.stats().refused, 0)
    assert.equal(app.overload.stats().level, 'open')
  })

  for (const times of [2, 3, 10])
    it(`gets at least four fifths of it done at ${times} times what can be done, and is never far behind`, () => {
      const app = new Application()
      app.run(1000 * times, 3)
      const before = app.done
      let worstMs = 0
      for (let i = 0; i < 100; i++) {
        app.run(1000 * times, 0.1)
        worstMs = Math.max(worstMs, app.queued * (app.workMs / 2))
      }
      assert.ok(app.done - before > 8_000, `${app.done - before} of 10,000 in ten seconds`)
      assert.ok(worstMs < 700, `${worstMs} ms behind`)
      assert.equal(app.overload.stats().refused, app.offered - app.admitted)
    })

  it('opens again when the rush is over', () => {
    const app = new Application()
    app.run(3000, 3)
    assert.notEqual(app.overload.stats().level, 'open')
    app.run(300, 5)
    const { refused } = app.overload.stats()
    app.run(300, 5)
    assert.equal(app.overload.stats().refused, refused)
    assert.equal(app.overload.stats().level, 'open')
  })

  it('turns nobody away for a pause, and hardly anybody for one that leaves no time to catch up', () => {
    for (const [perSecond, most] of [
      [500, 0],
      [900, 300],
    ] as const) {
      const app = new Application()
      app.run(perSecond, 3)
      app.pause(150)
      app.run(perSecond, 5)
      assert.ok(
        app.overload.stats().refused <= most,
        `${app.overload.stats().refused} refused at ${perSecond} a second`,
      )
    }
  })

  it('knows what an application can do that was never late before', () => {
    const app = new Application()
    app.run(900, 3)
    app.pause(350)
    app.run(900, 0.5)
    assert.equal(app.overload.stats().level, 'limited')
    assert.ok(app.overload.stats().perSecond! > 400, `${app.overload.stats().perSecond} a second`)
  })

  it('does not hold a quiet hour against it', () => {
    const app = new Application()
    for (let i = 0; i < 12; i++) {
      app.run(30, 10)
      app.pause(350)
    }
    app.run(900, 20)
    app.pause(350)
    const { refused } = app.overload.stats()
    app.run(900, 10)
    assert.ok(app.overload.stats().refused - refused < 600, `${app.overload.stats().refused - refused} refused`)
  })

  it('does not take an application that thinks for long for one that is late', () => {
    const app = new Application()
    app.thinkMs = 1_500
    app.run(500, 10)
    assert.equal(app.overload.stats().refused, 0)
  })

  it('shuts when the application stands still, and opens when it goes on', () => {
    const app = new Application()
    app.run(500, 2)
    app.workMs = 1e9
    app.run(500, 4)
    assert.equal(app.overload.stats().level, 'shut')
    assert.equal(app.overload.stats().perSecond, 0)
    assert.ok(app.admitted < 1_000 + 1_400, `${app.admitted} admitted`)
    app.workMs = 1
    app.wake()
    app.run(500, 8)
    assert.equal(app.overload.stats().level, 'open')
  })

  it('does not stay shut for a reaction that never comes', () => {
    const app = new Application()
    app.overload.shown('a 2xx that is never acknowledged', false)
    app.nowMs += 1_000
    assert.equal(app.overload.admits(), false)
    app.nowMs += 4_500
    assert.equal(app.overload.admits(), true)
  })

  it('takes no more INVITEs than may wait, whatever else is true', () => {
    const app = new Application({ maxWaitingInvites: 5, lateMs: 1e9, shutMs: 1e9 })
    app.workMs = 1e9
    app.run(1000, 1)
    assert.equal(app.overload.stats().waitingInvites, 5)
    assert.equal(app.admitted, 6, 'one was being worked at')
  })

  it('sheds calls when its own thread does not get to what has come, though applications are well', () => {
    const app = new Application()
    app.unreadMs = 90
    app.run(900, 10)
    assert.equal(app.admitted, app.offered)
    app.unreadMs = 110
    app.run(900, 10)
    const admitted = app.admitted
    app.run(900, 10)
    assert.ok(app.admitted - admitted < 2_000, `${app.admitted - admitted} of 9,000 let in though it stayed behind`)
    const perSecond = app.overload.stats().perSecond!
    app.run(900, 1)
    assert.ok(app.overload.stats().perSecond! <= perSecond, 'it grows only once nothing is unread')
    app.unreadMs = 0
    app.run(900, 5)
    assert.equal(app.overload.stats().level, 'open')
  })

  it('says when to come again between two bounds', () => {
    const { overload } = new Application({ retryAfterSeconds: [5, 15] })
    assert.deepEqual([overload.retryAfter(0), overload.retryAfter(0.999)], [5, 15])
  })
})

describe('reaction times', () => {
  it('take a reaction as proof that everything before it has been read', () => {
    const times = new ReactionTimes(10)
    times.shown('a', true, 0)
    times.shown('b', false, 10)
    times.shown('c', true, 20)
    assert.deepEqual([times.invitesWaiting, times.oldestMs(100), times.oldestPromptMs(100)], [2, 100, 90])
    times.reacted('b', 40)
    assert.deepEqual([times.invitesWaiting, times.oldestMs(100), times.oldestPromptMs(100)], [1, 80, 0])
    times.reacted('a', 50)
    times.reacted('unheard of', 50)
    assert.deepEqual(times.take(), { promptMs: 30, inviteMs: null, invites: 1, all: 2 })
    assert.deepEqual(times.take(), { promptMs: null, inviteMs: null, invites: 0, all: 0 })
  })

  it('watch no more than they may', () => {
    const times = new ReactionTimes(2)
    for (const name of ['a', 'b', 'c']) times.shown(name, true, 0)
    assert.equal(times.invitesWaiting, 2)
    times.clear()
    assert.equal(times.invitesWaiting, 0)
  })
})

describe('an overloaded server', () => {
  let server: TestServer
  afterEach(() => server.close())

  it('answers new INVITEs 503 with Retry-After and no transaction, and goes on with what is there', async () => {
    server = await TestServer.start({ overload: { maxWaitingInvites: 2 } })
    const app = await server.application('invite')
    const peer = await server.peer()
    const first = peer.request('INVITE', { body: SDP })
    const { tokens } = await app.shown('INVITE')
    peer.request('INVITE', { body: SDP })
    await app.shown('INVITE')
    const refused = peer.request('INVITE', { body: SDP })
    const answer = await peer.receive(503)
    const retryAfter = Number(answer.get('retry-after'))
    assert.ok(retryAfter >= 5 && retryAfter <= 15)
    peer.send(refused)
    assert.equal((await peer.receive(503)).toTag, answer.toTag)
    peer.send(first)
    await eventually(async () => (await server.handle.stats()).retransmissionsReceived === 1)
    assert.equal((await server.handle.stats()).openTransactions, 2)
    await app.ask(`sip|${tokens[8]}|\r\nSIP/2.0 180 Ringing\r\n\r\n`)
    peer.request('INVITE', { body: SDP })
    await app.shown('INVITE')
    assert.equal((await server.handle.stats()).overload?.refused, 2)
  })

  it('forgets what an application owed when it goes away', async () => {
    server = await TestServer.start({ overload: { maxWaitingInvites: 1 } })
    const app = await server.application('invite')
    const peer = await server.peer()
    peer.request('INVITE', { body: SDP })
    await app.shown('INVITE')
    app.close()
    await eventually(async () => (await server.handle.stats()).overload?.waitingInvites === 0)
  })
})
