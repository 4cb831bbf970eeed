/*
 * The screen's terminal, for the keyboard.
 * Also there: terminals and character devices
 */
#pragma once

#include "drivers/char/tty.h"

/* What a key gives arrives here. Returns: NULL if there is no screen. */
struct tty *vga_terminal(void);
