import { set } from './setting.ts'
import { duration } from './setting-kinds.ts'

/** Events sent to URLs of customers. */
export const WEBHOOKS = {
  'webhooks.timeout': set(duration('100ms', '30s'), 10_000, 'How long a webhook may take to answer.'),
  'webhooks.give_up_after': set(
    duration('1m', '7d'),
    86_400_000,
    'How long an event is tried; after that it is kept as dead, and a webhook that has taken nothing since is disabled.',
  ),
} as const
