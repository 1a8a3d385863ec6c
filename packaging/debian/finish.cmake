# Runs in the staged package before it is packed: what Debian's policy asks of the files in /usr/share/doc and
# /usr/share/man. Removes nothing that the program needs.
set(doc "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/doc/ioswarm")
set(man "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/man")
file(REMOVE "${doc}/LICENSE")  # the file copyright names it

# Reproducible: the date is that of the last commit or release, set by `./dev package`.
set(epoch "$ENV{SOURCE_DATE_EPOCH}")
if(epoch STREQUAL "")
    set(epoch 0)
endif()
execute_process(COMMAND date -u -R -d "@${epoch}" OUTPUT_VARIABLE date OUTPUT_STRIP_TRAILING_WHITESPACE
    COMMAND_ERROR_IS_FATAL ANY)
file(WRITE "${doc}/changelog" "ioswarm (${CPACK_PACKAGE_VERSION}) bookworm; urgency=medium

  * Version ${CPACK_PACKAGE_VERSION}. CHANGELOG.md.gz in this folder lists what changed.

 -- ${CPACK_DEBIAN_PACKAGE_MAINTAINER}  ${date}
")
file(GLOB_RECURSE pages "${man}/*.[15]")
# The programs of iotex-core that this one replaces have the pages of the commands that they run.
foreach(link IN ITEMS "l4baseline:ioswarm-l4baseline" "snapshotexporter:ioswarm-l4baseline" "l4sim:ioswarm-l4sim" "l4test:ioswarm-l4test")
    string(REPLACE ":" ";" names "${link}")
    list(GET names 0 alias)
    list(GET names 1 page)
    file(CREATE_LINK "${page}.1.gz" "${man}/man1/${alias}.1.gz" SYMBOLIC)
endforeach()
execute_process(COMMAND gzip -9 -n -f "${doc}/changelog" "${doc}/CHANGELOG.md" ${pages} COMMAND_ERROR_IS_FATAL ANY)
