/** How it stands with an outbound trunk that wants to be registered at its carrier. */
export interface TrunkRegistration {
  /** `registering`: no final answer yet. `failed`: the last attempt failed, and it is tried again. */
  readonly state: 'registering' | 'registered' | 'failed'
  /** The last final status; null: none yet, or no answer. */
  readonly status: number | null
  /** When the carrier forgets us unless we register again; null unless registered. */
  readonly expiresAt: Date | null
}
