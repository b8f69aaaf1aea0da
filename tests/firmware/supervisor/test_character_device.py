"""The kernel's GPIO interface: our structures are those of ``linux/gpio.h``."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from firmware.gpio import character_device as device

HEADER = Path("/usr/include/linux/gpio.h")

PROGRAM = r"""
#include <linux/gpio.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
int main(int argc, char **argv) {
  struct gpio_v2_line_request r;
  printf("%lu %lu %lu %lu\n", (unsigned long)GPIO_GET_CHIPINFO_IOCTL,
         (unsigned long)GPIO_V2_GET_LINE_IOCTL, (unsigned long)GPIO_V2_LINE_GET_VALUES_IOCTL,
         (unsigned long)GPIO_V2_LINE_SET_VALUES_IOCTL);
  printf("%zu %zu\n", sizeof(struct gpio_v2_line_event), offsetof(struct gpio_v2_line_event, id));
  printf("%llu %llu %llu %llu %llu %d %d\n", (unsigned long long)GPIO_V2_LINE_FLAG_INPUT,
         (unsigned long long)GPIO_V2_LINE_FLAG_OUTPUT,
         (unsigned long long)GPIO_V2_LINE_FLAG_EDGE_RISING,
         (unsigned long long)GPIO_V2_LINE_FLAG_EDGE_FALLING,
         (unsigned long long)GPIO_V2_LINE_FLAG_BIAS_PULL_UP,
         GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES, GPIO_V2_LINE_EVENT_RISING_EDGE);
  memset(&r, 0, sizeof r);
  r.offsets[0] = 6; r.offsets[1] = 23;
  strcpy(r.consumer, "autodialer-supervisor");
  r.config.flags = GPIO_V2_LINE_FLAG_OUTPUT;
  r.config.num_attrs = 1;
  r.config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES;
  r.config.attrs[0].attr.values = 2;
  r.config.attrs[0].mask = 3;
  r.num_lines = 2;
  r.event_buffer_size = 64;
  for (size_t i = 0; i < sizeof r; i++) printf("%02x", ((unsigned char *)&r)[i]);
  printf("\n");
  return 0;
}
"""


@pytest.mark.skipif(
    shutil.which("cc") is None or not HEADER.exists(), reason="needs a C compiler and linux/gpio.h"
)
def test_the_structures_are_those_of_the_kernel(tmp_path: Path) -> None:
    source = tmp_path / "gpio.c"
    source.write_text(PROGRAM)
    program = tmp_path / "gpio"
    subprocess.run(["cc", "-o", str(program), str(source)], check=True, timeout=30)
    out = subprocess.run([str(program)], capture_output=True, text=True, check=True, timeout=10)
    codes, event, flags, request = out.stdout.splitlines()

    ours = (device.GET_CHIPINFO, device.GET_LINE, device.GET_VALUES, device.SET_VALUES)
    assert codes == " ".join(map(str, ours))
    assert event == f"{device.LINE_EVENT.size} 8"
    constants = (
        device.INPUT,
        device.OUTPUT,
        device.EDGE_RISING,
        device.EDGE_FALLING,
        device.PULL_UP,
        device.OUTPUT_VALUES,
        device.RISING,
    )
    assert flags == " ".join(map(str, constants))
    assert device.line_request((6, 23), device.OUTPUT, (False, True)).hex() == request


@pytest.mark.parametrize("pins", [(), (64,), (-1,), tuple(range(65))])
def test_pins_that_no_chip_has_are_refused(pins: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="cannot be requested"):
        device.line_request(pins, device.INPUT)


def test_a_machine_without_the_header_says_so(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no GPIO chip"):
        device.header_chip(str(tmp_path))
