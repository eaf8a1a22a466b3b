/* board-time.c: the board's time.c with a clock that the harness turns. */
/* Its definition gets another name; its calls go to the harness's. */
#define cycles(x) cycles_##x
#define cycles_void machine_cycles(void)
#define cycles_ (cycles)()
uint64_t machine_cycles(void);
#include "time.c"
#undef cycles
uint64_t time_date(void);
uint64_t time_date(void) { return date(); }
uint64_t time_lapic_per_milli(void);
uint64_t time_lapic_per_milli(void) { return lapic_per_milli; }
