/** The only source of randomness. `seededRandom` gives tests and the simulator a repeatable one. */
export interface Random {
  /** A float in [0, 1). */
  float(): number
  /** A whole number in [0, below). */
  below(below: number): number
  bytes(size: number): Buffer
}
