import { z } from 'zod'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { Ping, PingAnswer } from '../../model/ping.ts'
import { contentType, decodeText, parseJson, readBody } from '../body.ts'
import { askOnce } from '../bid-request.ts'
import { endpoint, type Answer, type ApiRequest, type Caller, type Endpoint, type Method } from '../endpoint.ts'
import type { Kit } from '../kit.ts'
import { invalid, Problem } from '../problems.ts'
import * as s from '../schemas.ts'
import { tags as Tags } from '../tags.ts'
import { given, type Dialect, type FaultCode, type Params, type ReadPing } from './dialect.ts'
import { retreaver } from './retreaver.ts'
import { ringba } from './ringba.ts'
import { trackdrivePing, trackdrivePost } from './trackdrive.ts'

/** More parameters than any platform sends. */
const MAX_PARAMS = 100
const MAX_VALUE = 256
const FORM = 'application/x-www-form-urlencoded'
const JSON_TYPE = 'application/json'

const Loose = z.looseObject({})
const Vertical = s.vertical()

/** A fault of what came, to be told in the dialect's own words. */
class Unasked extends Error {
  readonly code: FaultCode
  constructor(code: FaultCode, detail: string) {
    super(detail)
    this.code = code
  }
}

interface Route {
  readonly path: string
  readonly dialect: Dialect
  readonly market: string
  /** Under `/api/v1`; else at the root. */
  readonly isUnderPrefix?: boolean
  /** Tells of a ping that was asked before, if it names one. */
  readonly repeats?: boolean
}

const ROUTES: readonly Route[] = [
  { path: '/v1/production/{key}.json', dialect: ringba, market: 'Ringba' },
  { path: '/v1/production/{key}', dialect: ringba, market: 'Ringba' },
  { path: '/rtbs.json', dialect: retreaver, market: 'Retreaver' },
  { path: '/inbound_webhooks/ping/{key}', dialect: trackdrivePing, market: 'TrackDrive', isUnderPrefix: true },
  {
    path: '/inbound_webhooks/post/{key}',
    dialect: trackdrivePost,
    market: 'TrackDrive',
    isUnderPrefix: true,
    repeats: true,
  },
]

/**
 * Ping and post as publishers of other markets already speak it. The key stands in the URL, as it does there: so only keys are
 * taken that can do nothing else.
 */
export function dialectEndpoints(kit: Kit): Endpoint[] {
  return ROUTES.flatMap((route) => [declare(kit, route, 'get'), declare(kit, route, 'post')])
}

function declare(kit: Kit, route: Route, method: Method): Endpoint {
  return endpoint({
    method,
    path: route.path,
    ...(!route.isUnderPrefix && { rootOnly: true }),
    tag: 'ping and post',
    summary: `Ask what a call would bring as publishers of ${route.market} do`,
    who: 'anyone',
    query: Loose,
    ...(method === 'post' && { streams: [JSON_TYPE, FORM], bodyOptional: true }),
    answers: { 200: Loose },
    handle: (request) => answer(kit, route, request),
  })
}

async function answer(kit: Kit, route: Route, request: ApiRequest): Promise<Answer> {
  const params = { ...texts(request.query as object), ...(await bodyOf(kit, request)) }
  try {
    const caller = await callerOf(kit, request.params['key'] ?? given(params, 'key') ?? '')
    return route.dialect.printAnswer(await decide(kit, route, caller, params, request.raw), params)
  } catch (error) {
    if (error instanceof Unasked) return route.dialect.printFault({ code: error.code, detail: error.message })
    throw error
  }
}

async function decide(
  kit: Kit,
  { dialect, repeats }: Route,
  caller: Caller,
  params: Params,
  raw: ApiRequest['raw'],
): Promise<PingAnswer> {
  const pingId = repeats ? given(params, 'ping_id') : null
  if (pingId !== null) {
    const found = kit.pings.quoted(pingId, caller.accountId)
    if (found) return found
    throw new Unasked('unknown_ping', 'ping_id: there is no such ping, it has been used or has expired')
  }
  const read = dialect.readPing(params)
  if ('code' in read) throw new Unasked(read.code, read.detail)
  return askOnce(kit, pingOf(kit, caller, read), raw)
}

/** Whose key it is. One that could do more than ping is refused: it would stand in logs and histories. */
async function callerOf(kit: Kit, key: string): Promise<Caller> {
  try {
    const caller = await kit.authenticator.fromToken(key, true)
    if (!caller.isForPings) throw new Unasked('no_such_key', 'key: only an API key of scope ping may stand in a URL')
    await kit.authenticator.requireActive(caller)
    return caller
  } catch (error) {
    if (error instanceof Problem && (error.status === 401 || error.status === 403))
      throw new Unasked('no_such_key', 'key: it is unknown or was withdrawn, or its account is not active')
    throw error
  }
}

function pingOf(kit: Kit, { accountId }: Caller, read: ReadPing): Ping {
  const number = read.number === null ? kit.pings.onlyNumberOf(accountId) : phone(kit, 'bad_number', read.number)
  if (number === null) throw new Unasked('bad_number', 'number: the seller has none, or several: say which')
  if (read.number !== null && kit.pings.ownerOf(number) !== accountId)
    throw new Unasked('bad_number', 'number: is none of the seller’s')
  const zip = read.zip === null ? null : /^(\d{5})(?:-\d{4})?$/.exec(read.zip)?.[1]
  if (zip === undefined) throw new Unasked('bad_zip', 'zip: must be five digits')
  const vertical = read.vertical === null ? null : Vertical.safeParse(read.vertical).data
  if (vertical === undefined) throw new Unasked('bad_vertical', 'vertical: must be a word or a few')
  const tags = Tags.safeParse(read.tags)
  if (!tags.success) {
    const [issue] = tags.error.issues
    throw new Unasked('bad_tag', `${issue?.path.join('.') ?? 'tags'}: ${issue?.message}`)
  }
  return {
    sellerId: accountId,
    caller: read.caller === null ? null : phone(kit, 'bad_caller', read.caller),
    number,
    vertical,
    zip,
    tags: tags.data,
  }
}

function phone(kit: Kit, code: FaultCode, text: string): PhoneNumber {
  const found = kit.validatePhone(text)
  if (!found.valid || found.e164 === null) throw new Unasked(code, `${text.slice(0, 40)} is not a phone number`)
  return found.e164 as PhoneNumber
}

async function bodyOf(kit: Kit, { raw }: ApiRequest): Promise<Params> {
  if (raw.method === 'GET' || raw.method === 'HEAD') return {}
  const bytes = await readBody(raw, kit.settings.bodyLimitBytes)
  if (bytes.length === 0) return {}
  const type = contentType(raw)
  if (type === FORM) return texts(Object.fromEntries(new URLSearchParams(decodeText(bytes))))
  if (type !== JSON_TYPE) throw new Problem('unsupported_media_type', `Send ${JSON_TYPE} or ${FORM}.`)
  const value = parseJson(decodeText(bytes))
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('', 'must be an object')
  return texts(value)
}

/** Parameters as text; throws 422 for what is none. Of one given several times the first counts. */
function texts(from: object): Record<string, string> {
  const entries = Object.entries(from)
  if (entries.length > MAX_PARAMS) throw invalid('', `must be at most ${MAX_PARAMS} parameters`)
  return Object.fromEntries(
    entries.map(([name, one]) => {
      const value: unknown = Array.isArray(one) ? one[0] : one
      if (value === null || value === undefined) return [name, '']
      if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
        throw invalid(`/${name}`, 'must be a text')
      const text = String(value).trim()
      if (text.length > MAX_VALUE) throw invalid(`/${name}`, `must be at most ${MAX_VALUE} characters`)
      return [name, text]
    }),
  )
}
