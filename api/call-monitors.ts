import { z } from 'zod'
import { BadSupervisor, MONITOR_MODES, MonitorRefused, type MonitorAsker } from '../model/call-monitor.ts'
import type { CallRecord } from '../model/cdr.ts'
import type { CallId, MonitorId } from '../model/ids.ts'
import { mayKnowOf, mayReadCall, MonitorAnswer, viewMonitor } from './call-views.ts'
import { BUYERS, endpoint, type ApiRequest, type Caller, type Endpoint } from './endpoint.ts'
import { notFound, type Kit } from './kit.ts'
import { invalid, Problem } from './problems.ts'

// What else a URI is not, the gateway says; nothing here could end a header's value.
const SIP_URI = /^sips?:[\x21-\x7e]+$/i

const mode = z.enum(MONITOR_MODES)
const Start = z.strictObject({
  to: z
    .string()
    .max(255)
    .refine((text) => SIP_URI.test(text) && !/["<>]/.test(text), 'must be a SIP URI, such as sip:agent1@dce')
    .meta({
      description:
        'The supervisor: the address of record of a registered SIP user (a buyer’s own), or for administrators also a SIP URI within telephony.monitor_hosts',
    }),
  mode,
})

/** Supervisors at a call that is up: of an administrator any call, of a buyer's people those the buyer has bought. */
export function callMonitorEndpoints(kit: Kit): Endpoint[] {
  const { monitoring } = kit
  const common = { tag: 'calls', who: BUYERS } as const

  async function find(caller: Caller, id: CallId): Promise<CallRecord> {
    const call = kit.liveCalls.find(id) ?? (await kit.stores.calls.find(id))
    if (!call || !mayReadCall(call, caller)) throw notFound('call')
    if (call.state !== 'answered') throw new Problem('call_not_up', 'It is not answered, or has ended.')
    return call
  }

  /** The ids of a monitor that is the caller's to change. */
  async function known({ caller, params }: ApiRequest): Promise<[CallId, MonitorId]> {
    const call = await find(caller, params['id'] as CallId)
    const monitor = monitoring.of(call.id).find(({ id }) => id === params['monitor_id'])
    if (!monitor || !mayKnowOf(monitor, caller)) throw notFound('monitor')
    return [call.id, monitor.id]
  }

  return [
    endpoint({
      ...common,
      method: 'post',
      path: '/calls/{id}/monitor',
      summary:
        'Call a supervisor who hears this call, and speaks to the buyer’s side (whisper) or to both (barge); written down',
      body: Start,
      answers: {
        201: MonitorAnswer,
        409: 'The call is not up, its media engine lets nobody listen, or three do already',
        422: '`to` is nobody who may be called, or who is registered now',
        503: 'The media engine has no room',
      },
      async handle({ caller, params, body, source }) {
        const call = await find(caller, params['id'] as CallId)
        const monitor = await orProblem(monitoring.start(call.id, body.to, body.mode, askerOf(caller, source)))
        return { status: 201, body: viewMonitor(monitor) }
      },
    }),
    endpoint({
      ...common,
      method: 'patch',
      path: '/calls/{id}/monitor/{monitor_id}',
      summary: 'Change what a supervisor does: listen, whisper, barge',
      body: z.strictObject({ mode }),
      answers: { 200: MonitorAnswer, 409: 'The call is not up, or the monitoring is over' },
      async handle(request) {
        const [callId, id] = await known(request)
        const by = askerOf(request.caller, request.source)
        const monitor = await orProblem(monitoring.change(callId, id, request.body.mode, by))
        if (!monitor) throw notFound('monitor')
        return { status: 200, body: viewMonitor(monitor) }
      },
    }),
    endpoint({
      ...common,
      method: 'delete',
      path: '/calls/{id}/monitor/{monitor_id}',
      summary: 'Hang up on a supervisor; the call goes on',
      answers: { 204: 'It is over', 409: 'The call is not up' },
      async handle(request) {
        const [callId, id] = await known(request)
        if (!(await monitoring.end(callId, id, askerOf(request.caller, request.source)))) throw notFound('monitor')
        return { status: 204 }
      },
    }),
  ]
}

function askerOf({ accountId, userId, role }: Caller, source: string): MonitorAsker {
  return { accountId, userId, role, source }
}

async function orProblem<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof MonitorRefused) throw new Problem(error.code, `${error.message}.`)
    if (error instanceof BadSupervisor) throw invalid('/to', error.message, error.code)
    throw error
  }
}
