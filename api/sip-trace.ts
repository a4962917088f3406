import { z } from 'zod'
import type { CallRecord } from '../model/cdr.ts'
import type { CallId } from '../model/ids.ts'
import { mayReadCall, visibleLegs } from './call-views.ts'
import { endpoint, EVERYONE, type Answer, type Endpoint } from './endpoint.ts'
import { notFound, type Kit } from './kit.ts'
import { ladderSvg } from './ladder-svg.ts'
import { ladderText } from './ladder-text.ts'
import { pcapOf } from './pcap.ts'
import { Problem } from './problems.ts'
import * as s from './schemas.ts'
import { flowOf, printMicros, readable, type Flow, type FlowMessage } from './sip-flow.ts'

const Address = z.strictObject({ host: z.string(), port: z.int() })
const TraceAnswer = z.strictObject({
  call_id: s.printedId(),
  legs: z.array(
    z.strictObject({
      name: z.string(),
      side: z.enum(['caller', 'buyer']),
      sip_call_id: z.string(),
      remote: z.strictObject({ ...Address.shape, transport: z.string() }).nullable(),
    }),
  ),
  messages: z.array(
    z.strictObject({
      at: z.string().meta({ format: 'date-time', description: 'With microseconds' }),
      offset_ms: z.number(),
      leg: z.string(),
      direction: z.enum(['in', 'out']),
      transport: z.string(),
      source: Address,
      destination: Address,
      summary: z.string(),
      retransmission: z.boolean(),
      text: z.string(),
    }),
  ),
  left_out: z.int(),
  complete: z.boolean(),
})

const TEXT = 'text/plain; charset=utf-8'
const SVG = 'image/svg+xml'
const PCAP = 'application/vnd.tcpdump.pcap'

/** The picture brings its style along and may load nothing else. */
const SVG_CSP = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

/** `GET /calls/{id}/sip`: what was said in SIP, as data, as a ladder, or as a capture file. */
export function sipTraceEndpoints(kit: Kit): Endpoint[] {
  return [
    endpoint({
      tag: 'calls',
      who: EVERYONE,
      method: 'get',
      path: '/calls/{id}/sip',
      summary: 'Read the SIP messages of a call: as data, as a ladder (text, svg) or as a capture file (pcap)',
      query: z.strictObject({ format: z.enum(['json', 'text', 'svg', 'pcap']).default('json') }),
      answers: { 200: TraceAnswer, 410: 'It is no longer kept', 501: 'This exchange keeps no SIP messages' },
      otherTypes: ['text/plain', SVG, PCAP],
      async handle({ caller, params, query }) {
        const id = params['id'] as CallId
        const call = kit.liveCalls.find(id) ?? (await kit.stores.calls.find(id))
        if (!call || !mayReadCall(call, caller)) throw notFound('call')
        if (kit.sipTraces.unavailable !== null) throw new Problem('no_sip_trace', kit.sipTraces.unavailable)
        const legs = visibleLegs(call, caller)
        const flow = flowOf(legs, await kit.sipTraces.find(legs.flatMap((leg) => leg.sipCallIds)))
        if (flow.messages.length === 0) throw gone(call)
        return answerOf(call, flow, query.format)
      },
    }),
  ]
}

function gone(call: CallRecord): Problem {
  const detail =
    call.state === 'ended'
      ? 'The SIP messages of this call are no longer kept: they live in memory, and newer calls or a restart took their place.'
      : 'No SIP message of this call is kept.'
  return new Problem('sip_trace_gone', detail)
}

function answerOf(call: CallRecord, flow: Flow, format: 'json' | 'text' | 'svg' | 'pcap'): Answer {
  const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
  const size = `${plural(flow.messages.length, 'message')}, ${plural(flow.legs.length, 'leg')}`
  const title = `SIP of call ${call.id}: ${size}`
  switch (format) {
    case 'json':
      return { status: 200, body: view(call, flow) }
    case 'text':
      return { status: 200, content: { type: TEXT, bytes: ladderText(title, flow) } }
    case 'svg':
      return {
        status: 200,
        content: { type: SVG, bytes: ladderSvg(title, flow) },
        headers: { 'content-security-policy': SVG_CSP },
      }
    case 'pcap':
      return {
        status: 200,
        content: { type: PCAP, bytes: pcapOf(flow.messages) },
        headers: { 'content-disposition': `attachment; filename="${call.id}.pcap"` },
      }
  }
}

function view(call: CallRecord, flow: Flow): z.input<typeof TraceAnswer> {
  const firstMs = flow.messages[0]!.atMs
  return {
    call_id: call.id,
    legs: flow.legs.map((leg) => ({
      name: leg.name,
      side: leg.side,
      sip_call_id: leg.sipCallId,
      remote: leg.remote,
    })),
    messages: flow.messages.map((message) => viewMessage(message, firstMs)),
    left_out: flow.leftOut,
    complete: flow.isComplete,
  }
}

function viewMessage(message: FlowMessage, firstMs: number): z.input<typeof TraceAnswer>['messages'][number] {
  const { direction, local, remote } = message
  return {
    at: printMicros(message.atMs),
    offset_ms: Math.round((message.atMs - firstMs) * 1000) / 1000,
    leg: message.leg.name,
    direction,
    transport: message.transport,
    source: direction === 'in' ? remote : local,
    destination: direction === 'in' ? local : remote,
    summary: message.summary,
    retransmission: message.isRetransmission,
    text: readable(message.text),
  }
}
