# Installs what is not compiled: units, examples, scripts, the system user and shell completion. Runs at install time, when
# the prefix is known: `cmake --install --prefix` may change it.
# Needs IOSWARM_DIST (the folder of the shipped files) and IOSWARM_PROGRAM (the built program).
set(root "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}")
# The tarball is staged in one folder and unpacked in another. The shipped files name the second.
set(prefix "${CMAKE_INSTALL_PREFIX}")
if(DEFINED ENV{IOSWARM_RUN_PREFIX})
    set(prefix "$ENV{IOSWARM_RUN_PREFIX}")
endif()

# Copies a file and keeps its mode. The files in the repository name /usr/local, the prefix of `./dev install`.
function(ioswarm_copy from to)
    file(READ "${from}" text)
    string(REPLACE "/usr/local/bin/ioswarm" "${prefix}/bin/ioswarm" text "${text}")
    string(REPLACE "/usr/local/share/ioswarm" "${prefix}/share/ioswarm" text "${text}")
    message(STATUS "Installing: ${to}")
    file(WRITE "${to}" "${text}")
    set(mode OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
    if(from MATCHES "\\.(sh|cron)$")
        list(APPEND mode OWNER_EXECUTE GROUP_EXECUTE WORLD_EXECUTE)
    endif()
    file(CHMOD "${to}" PERMISSIONS ${mode})
endfunction()

file(GLOB_RECURSE names RELATIVE "${IOSWARM_DIST}" "${IOSWARM_DIST}/*")
foreach(name IN LISTS names)
    ioswarm_copy("${IOSWARM_DIST}/${name}" "${root}/share/ioswarm/${name}")
    if(name MATCHES "\\.(service|timer)$")
        ioswarm_copy("${IOSWARM_DIST}/${name}" "${root}/lib/systemd/system/${name}")
    endif()
endforeach()
ioswarm_copy("${IOSWARM_DIST}/ioswarm.sysusers" "${root}/lib/sysusers.d/ioswarm.conf")
file(MAKE_DIRECTORY "${root}/share/doc/ioswarm")
file(CREATE_LINK ../../ioswarm "${root}/share/doc/ioswarm/examples" SYMBOLIC)

# Debian's zsh reads another folder for packages than for what the administrator installs.
set(zsh_folder share/zsh/site-functions)
if(prefix STREQUAL "/usr")
    set(zsh_folder share/zsh/vendor-completions)
endif()
foreach(shell_and_file IN ITEMS
        "bash:share/bash-completion/completions/ioswarm"
        "zsh:${zsh_folder}/_ioswarm"
        "fish:share/fish/vendor_completions.d/ioswarm.fish")
    string(REGEX MATCH "^[^:]*" shell "${shell_and_file}")
    string(REGEX REPLACE "^[^:]*:" "" file "${shell_and_file}")
    execute_process(COMMAND "${IOSWARM_PROGRAM}" completion ${shell} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
    message(STATUS "Installing: ${root}/${file}")
    file(WRITE "${root}/${file}" "${text}")
    file(CHMOD "${root}/${file}" PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
endforeach()
