import assert from 'node:assert/strict'
import { MediaUnavailable } from '../../../media/media-server.ts'
import { NG_PENDING_LIMIT, NgClient, NgRefused } from '../../../media/rtpengine/ng-client.ts'
import { NgPeer, type NgQuestion } from './ng-peer.ts'

describe('ng client', () => {
  let peer: NgPeer
  let client: NgClient

  async function start(script: (question: NgQuestion) => void, deadlineMs = 2000): Promise<void> {
    peer = await NgPeer.open(script)
    client = new NgClient({ host: peer.host, port: peer.port, deadlineMs, prefix: 'test' })
  }

  afterEach(async () => {
    client.close()
    await peer.close().catch(() => {})
  })

  it('gives each question a cookie of its own and each answer to whoever asked', async () => {
    const held: NgQuestion[] = []
    await start((question) => {
      held.push(question)
      if (held.length === 3)
        for (const one of held.toReversed()) one.answer({ result: 'ok', echo: one.fields['call-id'] })
    })
    const replies = await Promise.all(['a', 'b', 'c'].map((id) => client.request({ command: 'query', 'call-id': id })))
    assert.deepEqual(
      replies.map((reply) => reply['echo']),
      ['a', 'b', 'c'],
    )
    assert.equal(new Set(held.map(({ cookie }) => cookie)).size, 3)
    assert.equal(client.pending, 0)
  })

  it('asks again with the same cookie when a question or its answer was lost', async () => {
    await start((question) => {
      if (peer.questions.length === 3) question.answer({ result: 'pong' })
    })
    await client.request({ command: 'ping' })
    assert.equal(new Set(peer.questions.map(({ cookie }) => cookie)).size, 1)
    assert.equal(peer.questions.length, 3)
  })

  it('gives up at its deadline, and forgets an answer that comes later, twice, or to nothing it asked', async () => {
    await start(() => {}, 250)
    await assert.rejects(client.request({ command: 'offer' }), (error) => {
      assert.ok(error instanceof MediaUnavailable)
      assert.match(error.message, /did not answer offer in time/)
      return true
    })
    assert.equal(client.pending, 0)
    const late = peer.questions[0]!
    peer.follow((question) => {
      late.answer({ result: 'ok' })
      question.answer({ result: 'ok' }, 'nobody')
      question.answer({ result: 'ok', mine: 1 })
      question.answer({ result: 'ok', mine: 2 })
    })
    assert.equal((await client.request({ command: 'query' }))['mine'], 1)
    assert.equal(client.strayReplies >= 2, true)
  })

  it('passes on a no as one, with what was said', async () => {
    await start((question) => question.answer({ result: 'error', 'error-reason': 'Unknown call-id' }))
    await assert.rejects(client.request({ command: 'query' }), (error) => {
      assert.ok(error instanceof NgRefused && error instanceof MediaUnavailable)
      assert.match(error.message, /Unknown call-id/)
      return true
    })
  })

  it('says so when the answer is no answer', async () => {
    const bad = ['', 'gibberish', 'd6:resulti1ee', 'le', 'd6:result2:ok', 'd6:result2:oke!', 'd4:spam2:oke']
    await start((question) => question.answer(Buffer.from(bad.shift()!)))
    while (bad.length > 0) await assert.rejects(client.request({ command: 'offer' }), /gibberish/)
    assert.equal(client.pending, 0)
  })

  it(`refuses at once what would make more than ${NG_PENDING_LIMIT} unanswered`, async () => {
    await start(() => {})
    const asked = Array.from({ length: NG_PENDING_LIMIT }, () => client.request({ command: 'query' }))
    await assert.rejects(client.request({ command: 'query' }), new RegExp(`owes ${NG_PENDING_LIMIT} answers`))
    client.close()
    for (const one of await Promise.allSettled(asked)) assert.equal(one.status, 'rejected')
    await assert.rejects(client.request({ command: 'query' }), /closed/)
  })

  it('knows soon when nobody listens there', async () => {
    await start(() => {}, 5000)
    await peer.close()
    const startMs = performance.now()
    await assert.rejects(client.request({ command: 'ping' }), /nobody listens/)
    assert.ok(performance.now() - startMs < 2500)
  })
})
