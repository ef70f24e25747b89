import type { ComponentChildren, JSX } from "preact";

function Icon({ children }: { children: ComponentChildren }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

const slash = <path d="M4 4l16 16" />;

export const MicrophoneIcon = () => (
  <Icon>
    <rect x="9" y="3" width="6" height="11" rx="3" />
    <path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3" />
  </Icon>
);

export const MicrophoneOffIcon = () => (
  <Icon>
    <path d="M9 9v2a3 3 0 0 0 4.6 2.5M15 11V6a3 3 0 0 0-5.6-1.5" />
    <path d="M5.5 11.5a6.5 6.5 0 0 0 10.2 5.3M18.5 11.5c0 .9-.2 1.7-.5 2.5M12 18v3" />
    {slash}
  </Icon>
);

export const CameraIcon = () => (
  <Icon>
    <rect x="2.5" y="6.5" width="13" height="11" rx="3" />
    <path d="M15.5 11l5-3v8l-5-3" />
  </Icon>
);

export const CameraOffIcon = () => (
  <Icon>
    <path d="M10.5 6.5h2a3 3 0 0 1 3 3v2l5-3.5v8.5M15 15.6a3 3 0 0 1-2.5 1.9h-7a3 3 0 0 1-3-3v-5a3 3 0 0 1 3-3h.5" />
    {slash}
  </Icon>
);

export const SpeakerIcon = () => (
  <Icon>
    <path d="M4 9.5v5h3.5L12 18.5v-13L7.5 9.5z" />
    <path d="M15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11" />
  </Icon>
);

export const ChatIcon = () => (
  <Icon>
    <path d="M12 4c5 0 8.5 3 8.5 7s-3.5 7-8.5 7c-.8 0-1.6-.1-2.3-.2L5 20.5l.8-4C4.3 15.2 3.5 13.2 3.5 11c0-4 3.5-7 8.5-7z" />
    <path d="M8.5 11h.01M12 11h.01M15.5 11h.01" />
  </Icon>
);

export const LinkIcon = () => (
  <Icon>
    <path d="M10 14a4 4 0 0 0 5.7 0l3.1-3.1a4 4 0 0 0-5.7-5.7L12 6.3" />
    <path d="M14 10a4 4 0 0 0-5.7 0l-3.1 3.1a4 4 0 0 0 5.7 5.7L12 17.7" />
  </Icon>
);

export const DownIcon = () => (
  <Icon>
    <path d="M12 5v14M6.5 13.5L12 19l5.5-5.5" />
  </Icon>
);

export const SettingsIcon = () => (
  <Icon>
    <path d="M4 7h8M18 7h2M4 17h2M12 17h8" />
    <circle cx="15" cy="7" r="2.6" />
    <circle cx="9" cy="17" r="2.6" />
  </Icon>
);

/** A telephone's receiver, put down. */
export const LeaveIcon = () => (
  <Icon>
    <path d="M3.6 15.3l-.8-1.9c-.4-1 0-2.1.8-2.7 5-3.6 11.8-3.6 16.8 0 .8.6 1.2 1.7.8 2.7l-.8 1.9c-.3.6-.9.9-1.5.7l-2.6-.8c-.5-.2-.9-.7-.9-1.2v-1.7c-2.2-.8-4.6-.8-6.8 0V14c0 .5-.4 1-.9 1.2l-2.6.8c-.6.2-1.2-.1-1.5-.7z" />
  </Icon>
);

/** A telephone's receiver, taken up. */
export const CallIcon = () => (
  <Icon>
    <path d="M5.5 3.5h2.3c.5 0 1 .4 1.1.9l.7 3c.1.4 0 .8-.3 1.1L7.5 10.3a13 13 0 0 0 6.2 6.2l1.8-1.8c.3-.3.7-.4 1.1-.3l3 .7c.5.1.9.6.9 1.1v2.3c0 1.1-.9 2-2 2C10.5 20.5 3.5 13.5 3.5 5.5c0-1.1.9-2 2-2z" />
  </Icon>
);

export const AddPersonIcon = () => (
  <Icon>
    <circle cx="10" cy="8" r="4" />
    <path d="M3 20a7 7 0 0 1 11.5-5.4M18.5 14v6M15.5 17h6" />
  </Icon>
);

export const ReplyIcon = () => (
  <Icon>
    <path d="M9.5 6.5L4 12l5.5 5.5M4 12h9.5a6.5 6.5 0 0 1 6.5 6.5" />
  </Icon>
);

export const CloseIcon = () => (
  <Icon>
    <path d="M6 6l12 12M18 6L6 18" />
  </Icon>
);

export const SendIcon = () => (
  <Icon>
    <path d="M4.5 12L4 4.5 20.5 12 4 19.5z" />
    <path d="M4.5 12H12" />
  </Icon>
);

export const FilesIcon = () => (
  <Icon>
    <path d="M7 3.5h6.5L19 9v9.5a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2v-13a2 2 0 0 1 2-2z" />
    <path d="M12 17v-6M9 13.5l3-3 3 3" />
  </Icon>
);

export const FolderIcon = () => (
  <Icon>
    <path d="M3.5 7a2 2 0 0 1 2-2h4l2 2.5h7a2 2 0 0 1 2 2V17a2 2 0 0 1-2 2h-13a2 2 0 0 1-2-2z" />
  </Icon>
);

export const SaveIcon = () => (
  <Icon>
    <path d="M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 20h14" />
  </Icon>
);

export const ScreenIcon = () => (
  <Icon>
    <rect x="3" y="4.5" width="18" height="12" rx="2" />
    <path d="M12 13.5v-6M9.3 10L12 7.3l2.7 2.7M8.5 20h7" />
  </Icon>
);

export const ScreenOffIcon = () => (
  <Icon>
    <rect x="3" y="4.5" width="18" height="12" rx="2" />
    <path d="M9.5 8l5 5M14.5 8l-5 5M8.5 20h7" />
  </Icon>
);

export const ConnectionIcon = () => (
  <Icon>
    <path d="M4.5 19v-3.5M9.5 19v-7M14.5 19V8.5M19.5 19V5" />
  </Icon>
);

export const ChevronIcon = () => (
  <Icon>
    <path d="M6 9.5l6 6 6-6" />
  </Icon>
);

export const SearchIcon = () => (
  <Icon>
    <circle cx="10.5" cy="10.5" r="6" />
    <path d="M15 15l5.5 5.5" />
  </Icon>
);

export const WarningIcon = () => (
  <Icon>
    <path d="M12 4l9 15.5H3z" />
    <path d="M12 10v4.5M12 17.1v.01" />
  </Icon>
);

export const PersonIcon = () => (
  <Icon>
    <circle cx="12" cy="8.5" r="4" />
    <path d="M4.5 20c.7-3.8 3.5-6 7.5-6s6.8 2.2 7.5 6" />
  </Icon>
);

export const ArrowIcon = () => (
  <Icon>
    <path d="M5 12h14M13.5 6.5L19 12l-5.5 5.5" />
  </Icon>
);

export const GlobeIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="8.5" />
    <path d="M3.5 12h17M12 3.5c2.3 2.3 3.5 5.2 3.5 8.5s-1.2 6.2-3.5 8.5c-2.3-2.3-3.5-5.2-3.5-8.5s1.2-6.2 3.5-8.5z" />
  </Icon>
);

/** A shield with a tick. */
export const ShieldIcon = () => (
  <Icon>
    <path d="M12 3.5l7 2.5v5.5c0 4.5-2.9 7.7-7 9-4.1-1.3-7-4.5-7-9V6z" />
    <path d="M9 12l2.2 2.2L15.2 10" />
  </Icon>
);

export const HandIcon = () => (
  <Icon>
    <path d="M7 12.5V6.2a1.6 1.6 0 0 1 3.2 0V11M10.2 11V4.6a1.6 1.6 0 0 1 3.2 0V11M13.4 11V5.6a1.6 1.6 0 0 1 3.2 0V12" />
    <path d="M16.6 12V8.6a1.6 1.6 0 0 1 3.2 0v6.2a6.6 6.6 0 0 1-12 3.8L4.3 13.900a1.6 1.6 0 0 1 2.5-2L7 12.5" />
  </Icon>
);

export const SmileIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="8.5" />
    <path d="M8.5 14a4.2 4.2 0 0 0 7 0M9 9.500v.5M15 9.500v.5" />
  </Icon>
);

export const PinIcon = () => (
  <Icon>
    <path d="M9 4h6l-.7 6.2 3.2 3.300h-11l3.2-3.300zM12 13.500V20" />
  </Icon>
);

export const UnpinIcon = () => (
  <Icon>
    <path d="M9 4h6l-.7 6.2 3.2 3.300h-11l3.2-3.300zM12 13.500V20" />
    {slash}
  </Icon>
);

export const FullScreenIcon = () => (
  <Icon>
    <path d="M4 9V5.500A1.5 1.5 0 0 1 5.5 4H9M15 4h3.500A1.5 1.5 0 0 1 20 5.500V9M20 15v3.500a1.5 1.5 0 0 1-1.5 1.500H15M9 20H5.500A1.5 1.5 0 0 1 4 18.500V15" />
  </Icon>
);

export const FullScreenLeaveIcon = () => (
  <Icon>
    <path d="M9 4v3.500A1.5 1.5 0 0 1 7.5 9H4M20 9h-3.500A1.5 1.5 0 0 1 15 7.500V4M15 20v-3.500a1.5 1.5 0 0 1 1.5-1.500H20M4 15h3.500A1.5 1.5 0 0 1 9 16.500V20" />
  </Icon>
);

export const PictureInPictureIcon = () => (
  <Icon>
    <path d="M20.5 10V7A2.5 2.5 0 0 0 18 4.500H6A2.5 2.5 0 0 0 3.5 7v9A2.5 2.5 0 0 0 6 18.500h4" />
    <rect x="13" y="13" width="7.5" height="6" rx="1.5" />
  </Icon>
);

export const MoreIcon = () => (
  <Icon>
    <path d="M5.5 12h.01M12 12h.01M18.5 12h.01" stroke-width="3" />
  </Icon>
);

export const RecordIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="8.5" />
    <circle cx="12" cy="12" r="3.5" fill="currentColor" />
  </Icon>
);
