import { z } from 'zod'
import type { TrunkRegistration } from '../model/trunk-registration.ts'

/** Whether an outbound trunk is registered at its carrier. */
export const RegistrationAnswer = z
  .strictObject({
    state: z.enum(['registering', 'registered', 'failed']),
    status: z.int().nullable(),
    expires_at: z.string().nullable(),
  })
  .meta({ description: 'Of an outbound trunk with `register`: how it stands; null for all others.' })

export const printRegistration = ({
  state,
  status,
  expiresAt,
}: TrunkRegistration): z.input<typeof RegistrationAnswer> => ({
  state,
  status,
  expires_at: expiresAt?.toISOString() ?? null,
})
