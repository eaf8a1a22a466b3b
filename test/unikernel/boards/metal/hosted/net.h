/* net.h: in place of what wasm2c writes: a net that the harness plays (hostile-net.c). */
#ifndef HOSTED_NET_H
#define HOSTED_NET_H
#include "seam.h"
typedef struct { uint32_t unused; } Z_net_instance_t;
void Z_net_init_module(void);
void Z_net_instantiate(Z_net_instance_t *net);
wasm_rt_memory_t *Z_netZ_memory(Z_net_instance_t *net);
uint32_t Z_netZ_inbox(Z_net_instance_t *net), Z_netZ_inboxSize(Z_net_instance_t *net);
uint32_t Z_netZ_outbox(Z_net_instance_t *net), Z_netZ_outboxSize(Z_net_instance_t *net);
uint32_t Z_netZ_boot(Z_net_instance_t *net, uint32_t length, uint64_t now), Z_netZ_next(Z_net_instance_t *net, uint64_t now);
uint32_t Z_netZ_transmit(Z_net_instance_t *net, uint64_t now), Z_netZ_read(Z_net_instance_t *net, uint32_t slot, uint32_t most);
void Z_netZ_frame(Z_net_instance_t *net, uint32_t length, uint64_t now), Z_netZ_tick(Z_net_instance_t *net, uint64_t now);
void Z_netZ_authenticated(Z_net_instance_t *net, uint32_t slot, uint64_t now);
uint64_t Z_netZ_deadline(Z_net_instance_t *net);
uint32_t Z_netZ_room(Z_net_instance_t *net, uint32_t slot), Z_netZ_port(Z_net_instance_t *net, uint32_t door);
void Z_netZ_write(Z_net_instance_t *net, uint32_t slot, uint32_t length), Z_netZ_finish(Z_net_instance_t *net, uint32_t slot);
void Z_netZ_drop(Z_net_instance_t *net, uint32_t slot);
#endif
