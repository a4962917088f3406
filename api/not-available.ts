import { z } from 'zod'
import type { Role } from '../model/account.ts'
import { EVERYONE, endpoint, type Endpoint, type Method } from './endpoint.ts'
import { Problem } from './problems.ts'

/** What the contract promises and a later issue builds: known by name, answered with 501 rather than a 404 that looks like a typo. */
const NOT_BUILT: readonly (readonly [Method, path: string, who: readonly Role[]])[] = [['post', '/calls', EVERYONE]]

export function notAvailableEndpoints(): Endpoint[] {
  return NOT_BUILT.map(([method, path, who]) =>
    endpoint({
      method,
      path,
      who,
      tag: 'not available yet',
      summary: 'Not built yet',
      query: z.looseObject({}),
      answers: { 501: 'Not built yet' },
      handle() {
        throw new Problem('not_available', `${method.toUpperCase()} ${path} comes in a later version.`)
      },
    }),
  )
}
