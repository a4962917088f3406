import { z } from 'zod'
import type { CallRecord } from '../model/cdr.ts'
import type { CallId } from '../model/ids.ts'
import type { CallRecording } from '../model/recording.ts'
import { mayReadCall } from './call-views.ts'
import { readRange } from './byte-range.ts'
import { endpoint, EVERYONE, type Caller, type Endpoint } from './endpoint.ts'
import { notFound, type Kit } from './kit.ts'
import { Problem } from './problems.ts'
import * as s from './schemas.ts'

const WAV = 'audio/wav'

const Paused = z.strictObject({ call_id: s.printedId(), paused: z.boolean() })

/** `GET /calls/{id}/recording` and its pauses: of the call's own seller and buyer, and administrators. */
export function recordingEndpoints(kit: Kit): Endpoint[] {
  const { recordings } = kit
  const common = { tag: 'calls', who: EVERYONE } as const

  async function find(caller: Caller, id: CallId): Promise<CallRecord> {
    const call = kit.liveCalls.find(id) ?? (await kit.stores.calls.find(id))
    if (!call || !mayReadCall(call, caller)) throw notFound('call')
    return call
  }

  const pausing = (verb: 'pause' | 'resume', summary: string): Endpoint =>
    endpoint({
      ...common,
      method: 'post',
      path: `/calls/{id}/recording/${verb}`,
      summary,
      answers: { 200: Paused, 409: 'The call is not being recorded' },
      async handle({ caller, params }) {
        const call = await find(caller, params['id'] as CallId)
        if (!(await kit.liveCalls.pauseRecording(call.id, verb === 'pause')))
          throw new Problem('not_recording', 'The call is not being recorded now.')
        return { status: 200, body: { call_id: call.id, paused: verb === 'pause' } }
      },
    })

  return [
    endpoint({
      ...common,
      method: 'get',
      path: '/calls/{id}/recording',
      summary:
        'Listen to a call: WAV, the caller left and the buyer right; ranges of bytes too. Who has listened is written down',
      answers: {
        200: 'The recording',
        206: 'A range of it',
        404: 'The call has no recording, or its file is not here',
        409: 'It is still being recorded, or no recording key that is set opens it',
        410: 'It has been erased',
        416: 'It has no such range',
      },
      otherTypes: [WAV],
      async handle({ caller, params, raw, source }) {
        const call = await find(caller, params['id'] as CallId)
        const [recording] = await recordings.of([call.id])
        const wav = await open(kit, recording)
        const range = readRange(raw.headers.range, wav.bytes)
        if (range === 'unsatisfiable')
          throw new Problem('no_such_range', `The recording has ${wav.bytes} bytes.`, {
            headers: { 'content-range': `bytes */${wav.bytes}` },
          })
        // Before the first byte: what nobody could write down nobody hears.
        const { accountId, userId, role } = caller
        const at = new Date(kit.clock.now())
        await recordings.heard({ callId: call.id, at, accountId, userId, role, source })
        kit.log.info({ callId: call.id, accountId, userId, role }, 'a recording is listened to')
        const { from, to } = range ?? { from: 0, to: wav.bytes }
        return {
          status: range ? 206 : 200,
          stream: { type: WAV, length: to - from, chunks: wav.read(from, to) },
          headers: {
            'accept-ranges': 'bytes',
            'content-disposition': `attachment; filename="${call.id}.wav"`,
            ...(range && { 'content-range': `bytes ${from}-${to - 1}/${wav.bytes}` }),
          },
        }
      },
    }),
    pausing('pause', 'Write silence from now on: a card number is being said'),
    pausing('resume', 'Write what is said again'),
  ]
}

async function open({ recordings }: Kit, recording: CallRecording | undefined) {
  if (!recording) throw new Problem('no_recording', 'The call has not been recorded.')
  const { state, erasedAt } = recording
  if (state === 'erased') throw new Problem('recording_erased', `It was erased at ${erasedAt?.toISOString()}.`)
  if (state === 'recording') throw new Problem('recording_under_way', 'The call is still being recorded.')
  let wav
  try {
    wav = await recordings.open(recording)
  } catch (error) {
    throw new Problem('recording_unreadable', `It cannot be opened: ${(error as Error).message}.`)
  }
  if (!wav) throw new Problem('no_recording', 'Its file is not on this machine.')
  return wav
}
