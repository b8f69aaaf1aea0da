# Chooses the root, spends an update's one try before it is made, and starts the kernel that lies in
# that root. The same script on a Pi and in emulation; docs/card.md says what is where.

setenv kernel_args "ro rootwait rootfstype=ext4 panic=10 net.ifnames=0 quiet loglevel=4 systemd.show_status=no"
# No console on a serial port of a Pi: a modem may listen there.
if test "${board}" = "rpi"; then
  setenv device_tree ${fdt_addr}
  fdt addr ${device_tree}
  fdt get value firmware_args /chosen bootargs
  setenv kernel_args "${firmware_args} console=tty1 ${kernel_args}"
else
  setenv device_tree ${fdtcontroladdr}
  setenv kernel_args "console=ttyAMA0 ${kernel_args}"
fi

# What a bench adds: card.env on the boot partition, with card_args= and card_fdt=.
setenv card_args
setenv card_fdt
if load ${devtype} ${devnum}:1 ${kernel_addr_r} card.env; then
  env import -t ${kernel_addr_r} ${filesize} card_args card_fdt
fi

# Sector 0x400, and its copy in another 4 KiB; card_slots.py writes the same.
setenv card_read no
setenv card_names "card_confirmed card_trial card_tried card_ok_A card_ok_B"
for sector in 400 408; do
  if test "${card_read}" = "no"; then
    if ${devtype} read ${kernel_addr_r} ${sector} 1; then
      if env import -c ${kernel_addr_r} 200 ${card_names}; then
        setenv card_read ${sector}
      fi
    fi
  fi
done
if test "${card_read}" = "no"; then
  echo "card: neither sector can be read; slot A, then B"
  setenv card_confirmed A
  setenv card_trial none
  setenv card_tried none
  setenv card_ok_A 1
  setenv card_ok_B 1
fi

setenv on_trial
setenv slot ${card_confirmed}
if test "${card_trial}" != "none"; then
  setenv card_tried ${card_trial}
  setenv card_trial none
  # A try that cannot be written down is not made: it would be made again and again.
  if env export -c -s 200 ${kernel_addr_r} ${card_names}; then
    if ${devtype} write ${kernel_addr_r} 400 1; then
      if ${devtype} write ${kernel_addr_r} 408 1; then
        setenv slot ${card_tried}
        setenv on_trial autodialer.trial=1
      fi
    fi
  fi
fi

setenv slots "${slot}"
if test "${slot}" != "${card_confirmed}"; then
  setenv slots "${slot} ${card_confirmed}"
fi
if test "${card_confirmed}" = "A"; then
  if test "${card_ok_B}" = "1"; then setenv slots "${slots} B"; fi
else
  if test "${card_ok_A}" = "1"; then setenv slots "${slots} A"; fi
fi

# Not named like a variable of setenv, which would hide it.
for candidate in ${slots}; do
  setenv part 2
  if test "${candidate}" = "B"; then setenv part 3; fi
  echo "card: slot ${candidate} ${on_trial}"
  if load ${devtype} ${devnum}:${part} ${kernel_addr_r} /boot/vmlinuz; then
    if load ${devtype} ${devnum}:${part} ${ramdisk_addr_r} /boot/initrd.img; then
      setenv bootargs "${kernel_args} root=PARTUUID=${card_disk}-0${part} rauc.slot=${candidate} ${on_trial} ${card_args}"
      setenv initrd_size ${filesize}
      if test -n "${card_fdt}"; then fdt addr ${device_tree}; fdt resize 1000; run card_fdt; fi
      booti ${kernel_addr_r} ${ramdisk_addr_r}:${initrd_size} ${device_tree}
    fi
  fi
  setenv on_trial
done
echo "card: no slot can be started"
sleep 10
reset
